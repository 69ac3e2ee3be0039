"""tally.py JUNIT_FILE...: counts tests, prints `PASSED FAILED`, names each failed one on stderr.

A cmocka program is one case for ctest; its own summary lines tell how many tests ran inside. A program that
died counts at least one failure, whatever it printed before."""
import re
import sys
import xml.etree.ElementTree as ElementTree

RAN = re.compile(r"\[==========\] (?:\S+: )?Running (\d+) test")
PASSED = re.compile(r"\[  PASSED  \] (\d+) test")
FAILED = re.compile(r"\[  FAILED  \] (?:\S+: )?(\d+) test")


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


def main(files):
    passed = failed = 0
    for name in files:
        for case in ElementTree.parse(name).getroot().iter("testcase"):
            p, f = count(case)
            passed, failed = passed + p, failed + f
            if f:
                print(f"  failed: {case.get('classname') or ''} {case.get('name')}", file=sys.stderr)
    print(passed, failed)


main(sys.argv[1:])
