// kv.go: kv HOST:PORT,... set KEY VALUE | get KEY [local|lease|linearizable]: keys and values of sm-protobuf.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// field appends a string of a message: SetRequest has key 1 and value 2, GetRequest key 1, Response an optional value 1.
func field(message []byte, number protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(message, number, protowire.BytesType), text)
}

func main() {
	nodes, verb, key, read := strings.Split(os.Args[1], ","), os.Args[2], field(nil, 1, os.Args[3]), "local"
	if verb == "set" {
		_, err := ask(nodes, "Set", field(key, 2, os.Args[4]), "")
		exit(err)
	} else if len(os.Args) > 4 {
		read = os.Args[4]
	}
	answer, err := ask(nodes, "Get", key, read)
	if err != nil {
		exit(err)
	} else if len(answer) == 0 {
		fmt.Println("not found")
		os.Exit(4)
	}
	_, _, tag := protowire.ConsumeTag(answer)
	value, _ := protowire.ConsumeString(answer[tag:])
	fmt.Println(value)
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.Is(err, errUnknown) {
		os.Exit(3)
	}
	os.Exit(1)
}
