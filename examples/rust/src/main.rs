//! kv HOST:PORT,... set KEY VALUE | get KEY [local|lease|linearizable]: keys and values of sm-protobuf.
mod ask;

use ask::{ask, Failure};

#[derive(Clone, prost::Message)]
struct SetRequest {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, prost::Message)]
struct GetRequest {
    #[prost(string, tag = "1")]
    key: String,
}

#[derive(Clone, prost::Message)]
struct Response {
    #[prost(string, optional, tag = "1")]
    value: Option<String>,
}

async fn run(words: &[&str]) -> Result<i32, Failure> {
    let nodes: Vec<&str> = words[0].split(',').collect();
    let key = words[2].to_string();
    if words[1] == "set" {
        let request = SetRequest { key, value: words[3].to_string() };
        ask::<_, Response>(&nodes, "Set", request, None).await?;
        return Ok(0);
    }
    let read = Some(words.get(3).copied().unwrap_or("local"));
    let answer: Response = ask(&nodes, "Get", GetRequest { key }, read).await?;
    println!("{}", answer.value.as_deref().unwrap_or("not found"));
    Ok(if answer.value.is_some() { 0 } else { 4 })
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let code = match runtime.block_on(run(&words)) {
        Ok(code) => code,
        Err(Failure::Refused(why)) => {
            eprintln!("{why}");
            1
        }
        Err(Failure::Unknown(why)) => {
            eprintln!("{why}: the write may have happened, look before you repeat it");
            3
        }
    };
    std::process::exit(code);
}
