#!/usr/bin/python3
"""man.py BUILD [--rewrite]: the man pages say what the programs of BUILD say. One line per finding.

raft-key-value.conf(5) takes the plugins' options from the plugins themselves: --rewrite writes them.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "docs" / "man"
BEGIN = '.\\" begin plugins (written by tests/package/man.py --rewrite)\n'
END = '.\\" end plugins\n'
SECTIONS = ("transport", "storage", "state-machine")
PROGRAMS = {"raft-key-value.1": "raft-key-value", "rkvctl.1": "rkvctl", "rkv-contract.1": "rkv-contract"}


def output(build, *words):
    return subprocess.run((str(build / words[0]), *words[1:]), capture_output=True, text=True, check=True).stdout


def plain(page):
    """The page as a reader sees it, in one line: markup and line breaks are no part of what it says."""
    text = subprocess.run(("mandoc", "-T", "ascii", MAN / page), capture_output=True, text=True, check=True).stdout
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", text))


def lint(page):
    """What mandoc warns of."""
    done = subprocess.run(("mandoc", "-T", "lint", "-W", "warning", MAN / page), capture_output=True, text=True,
                          check=False)
    return [line for line in done.stdout.splitlines() if line]


def spoken(text):
    """Options and commands of a --help: words that a user types."""
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    commands = {m.group(1) for m in re.finditer(r"^  (?:raft-key-value )?([a-z][a-z-]+)(?= |$)", text, re.M)}
    return options | commands - {"raft-key-value", "rkvctl", "rkv-contract"}


def missing_words(build, page, program):
    text = plain(page)
    help_text = output(build, program, "--help")
    for word in sorted(spoken(help_text)):
        if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
            yield f"docs/man/{page}: says nothing of {word}, which {program} --help knows"


def node_findings(build):
    """Every key of [node] with its default."""
    text = plain("raft-key-value.conf.5")
    shown = output(build, "raft-key-value", "config", "--id", "1", "--addr", "127.0.0.1:21001")
    for key, value in re.findall(r"^(\w+) = *(\S*) +;", shown.partition("[transport]")[0], re.M):
        known = f"{key} = {value}" if value and key not in ("id", "addr") else key
        if not re.search(rf"(?<!\w){re.escape(known)}(?!\w)", text):
            yield f"docs/man/raft-key-value.conf.5: [node] has {known}, the page has not"


def roff(text):
    return text.replace("\\", "\\e").replace('"', "\\(dq")


def option_lines(option):
    default = f" No = {option['default']}" if option["default"] else ""
    lines = [f".It Cm {option['name']}{default} Pq {option['type']}" + ", required" * option["required"]]
    text = roff(option["help"])
    return lines + [text[:1].upper() + text[1:] + "."]


def plugin_lines(plugin):
    lines = [f".Ss [{plugin['kind']}] plugin = {plugin['name']}", roff(plugin["description"]) + "."]
    if plugin["capabilities"]:
        lines += ["Capabilities: " + ", ".join(plugin["capabilities"]) + "."]
    if not plugin["options"]:
        return lines + ["It has no options."]
    lines += [".Bl -tag -width indent"]
    for option in plugin["options"]:
        lines += option_lines(option)
    return lines + [".El"]


def written(build, page):
    """The page with the plugins' options as the plugins declare them; what this machine cannot build stays as it is."""
    head, rest = page.split(BEGIN)
    body, tail = rest.split(END)
    blocks = {block.splitlines()[0]: block for block in re.split(r"^(?=\.Ss )", body, flags=re.M) if block}
    blocks = {line: block for line, block in blocks.items() if (ROOT / "plugins" / line.split()[-1]).is_dir()}
    for name in sorted(path.stem for path in (build / "plugins").glob("*.so")):
        lines = plugin_lines(json.loads(output(build, "raft-key-value", "plugins", name, "--json")))
        blocks[lines[0]] = "\n".join(lines) + "\n"
    order = sorted(blocks, key=lambda line: (SECTIONS.index(re.search(r"\[(.*?)\]", line).group(1)), line))
    return head + BEGIN + "".join(blocks[line] for line in order) + END + tail


def main(args):
    build, conf = pathlib.Path(args[0]), MAN / "raft-key-value.conf.5"
    page = conf.read_text(encoding="utf-8")
    true_page = written(build, page)
    if args[1:] == ["--rewrite"]:
        conf.write_text(true_page, encoding="utf-8")
        return 0
    findings = [finding for path in sorted(MAN.iterdir()) for finding in lint(path.name)]
    if page != true_page:
        findings.append("docs/man/raft-key-value.conf.5: not what plugins say (tests/package/man.py BUILD --rewrite)")
    findings += node_findings(build)
    for page_name, program in PROGRAMS.items():
        if (build / program).exists():
            findings += missing_words(build, page_name, program)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
