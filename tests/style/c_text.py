"""c_text.py: as much of C's syntax as the style check needs: comments and literals blanked, functions found."""
import re

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n(?:[^\n\\]|\\.)*)*", re.M | re.S)


def blank(text, keep=""):
    """The same number of characters and lines, all spaces but for `keep` around them."""
    body = re.sub(r"[^\n]", " ", text[1:-1])
    return (keep or " ") + body + (keep or " ") if len(text) > 1 else text


def without_comments(text):
    """Comments and literals blanked; quotes stay, so that `extern "C"` can still be seen."""
    return TOKEN.sub(lambda m: blank(m.group(), m.group()[0] if m.group()[0] in "\"'" else ""), text)


def without_literals(text):
    """Literals blanked; comments stay."""
    return TOKEN.sub(lambda m: m.group() if m.group().startswith("/") else blank(m.group()), text)


def without_directives(code):
    return DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def arguments(code, at):
    """What stands between the parenthesis that was opened before `at` and the one that closes it."""
    depth, end = 1, at
    while depth > 0 and end < len(code):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        end += 1
    return code[at:end - 1]


def functions(code):
    """(name, first line, lines) of each function of a text from without_comments."""
    code = without_directives(code)
    found, stack, start = [], [], 0  # start: where the present top-level declaration may begin
    for at, char in enumerate(code):
        inside = any(kind != "extern" for kind, _ in stack)
        if char == "{":
            before = code[start:at].rstrip()
            kind = "extern" if not inside and re.search(r'extern\s*"\s*"$', before) else \
                "function" if not inside and before.endswith(")") else "other"
            stack.append((kind, start))
            if kind == "extern":
                start = at + 1
        elif char == "}" and stack:
            kind, begin = stack.pop()
            if kind == "function":
                head = code[begin:at]
                first = line_of(code, begin + len(head) - len(head.lstrip()))
                name = re.search(r"(\w+)\s*\(", head)
                found.append((name.group(1) if name else "?", first, line_of(code, at) - first + 1))
            if kind != "other" or not stack:
                start = at + 1
        elif char == ";" and not inside:
            start = at + 1
    return found
