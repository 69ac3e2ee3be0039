"""tally.py JUNIT_FILE...: counts tests, prints `PASSED FAILED`; what failed, and what it said, goes to stderr.

A cmocka program is one case for ctest; its own summary lines tell how many tests ran inside. A program that
died counts at least one failure, whatever it printed before."""
import re
import sys
import xml.etree.ElementTree as ElementTree

RAN = re.compile(r"\[==========\] (?:\S+: )?Running (\d+) test")
PASSED = re.compile(r"\[  PASSED  \] (\d+) test")
FAILED = re.compile(r"\[  FAILED  \] (?:\S+: )?(\d+) test")
UNEVENTFUL = re.compile(r"^\[(?: RUN      |       OK )\]")
LINES_MAX = 80  # of what a failed test said, its end


def total(pattern, text):
    return sum(int(n) for n in pattern.findall(text))


def count(case):
    """(passed, failed) of one <testcase>; a skipped one is neither."""
    if case.find("skipped") is not None or case.get("status") == "disabled":
        return 0, 0
    bad = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
    text = case.findtext("system-out") or ""
    if not RAN.search(text):
        return (0, 1) if bad else (1, 0)
    passed, failed = total(PASSED, text), total(FAILED, text)
    return passed, max(failed, 1) if bad else failed


def tell(case):
    said = [case.findtext(part) or "" for part in ("failure", "error", "system-out", "system-err")]
    lines = [line for line in "\n".join(said).splitlines() if line.strip() and not UNEVENTFUL.match(line)]
    print(f"--- failed: {case.get('classname') or ''} {case.get('name')}", file=sys.stderr)
    for line in lines[-LINES_MAX:]:
        print(f"    {line}", file=sys.stderr)


def main(files):
    passed = failed = 0
    for name in files:
        for case in ElementTree.parse(name).getroot().iter("testcase"):
            p, f = count(case)
            passed, failed = passed + p, failed + f
            if f:
                tell(case)
    print(passed, failed)


main(sys.argv[1:])
