"""An outline of a C++ source: where its functions begin and end, and how many data members each class has.

It knows as much of the language as sources formatted by .clang-format need: no preprocessor, no K&R declarations.
"""
import re

_LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s"]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.S)
_CLASS = re.compile(r"\b(?:class|struct|union)\s+(?:\[\[[^]]*\]\]\s*)?((?:\w+::)*\w+)")
_NO_MEMBER = re.compile(r"^(?:using|typedef|friend|static|enum|template|class \w+$|struct \w+$|union \w+$)\b")


def _blank(match):
    """The same number of lines, without anything that could be taken for code."""
    text = match.group(0)
    return ("" if text.startswith("/") else '""') + "\n" * text.count("\n")


def _without_templates(text):
    """`std::map<K, std::function<void(V)>> m` -> `std::map m`."""
    text = text.replace("operator<=>", "operator").replace("->", " ").replace("<<", " ").replace("<=", " ")
    while True:
        shorter = re.sub(r"<[^<>]*>", "", text)
        if shorter == text:
            return text
        text = shorter


def _without_directives(text):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda found: "\n" * found.group(0).count("\n"), text, flags=re.M)


class _Scope:
    def __init__(self, kind, name="", line=0):
        self.kind, self.name, self.line, self.members = kind, name, line, 0


def _kind(head):
    """What a `{` after `head` opens, as (kind, name)."""
    if re.search(r"\bnamespace\b[\w\s:]*$", head) or re.fullmatch(r'(?:inline )?extern ""', head):
        return "namespace", ""
    plain = _without_templates(head)
    plain = re.sub(r"^template\s*", "", plain)
    if re.match(r"(?:typedef )?enum\b", plain):
        return "enum", ""
    found = _CLASS.match(plain)
    if found and "(" not in re.sub(r"alignas\([^)]*\)|\[\[[^]]*\]\]", "", plain) and "=" not in plain:
        return "class", found[1]
    if "(" not in plain or re.search(r"(?<![=!<>])=\s*$", plain):
        return "braces", ""
    # A constructor's `: a_{1}, b_(2) {`: the braces after a name belong to the member.
    initializers = re.search(r"\)\s*(?:noexcept\s*)?:(?!:)(.*)$", plain)
    if initializers and re.search(r"[\w>]$", plain) and not plain.endswith("noexcept"):
        return "braces", ""
    if re.search(r"(?<![=!<>+\-*/|&])=(?!=)", re.sub(r"\([^()]*\)|operator\s*[=!<>+\-*/|&\[\]()]+", "", plain)):
        return "braces", ""
    return "function", re.split(r"\(", plain, 1)[0].split()[-1]


def _members(statement):
    """The number of data members that `statement`, found in a class, declares."""
    statement = re.sub(r"^(?:(?:public|protected|private)\s*:\s*)+", "", statement).strip()
    if not statement or _NO_MEMBER.match(statement) or "constexpr static" in statement:
        return 0
    plain = re.sub(r"alignas\([^)]*\)|\[\[[^]]*\]\]", "", _without_templates(statement))
    declarators = [re.split(r"(?<![=!<>])=(?!=)", part)[0] for part in _top_level_parts(plain)]
    if "(" in declarators[0] or "operator" in declarators[0]:
        return 0
    return len(declarators)


def _top_level_parts(text):
    parts, depth, current = [], 0, ""
    for character in text:
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return parts + [current]


def outline(text):
    """([(first line, number of lines, name) of each function], [(line, name, data members) of each class])."""
    text = _without_directives(_LITERAL_OR_COMMENT.sub(_blank, text))
    functions, classes = [], []
    scopes = [_Scope("namespace")]
    head, head_line, line, parentheses = "", 1, 1, 0
    for character in text:
        inside = scopes[-1].kind in ("namespace", "class")
        if character == "\n":
            line += 1
        if inside and character in "()":
            parentheses += 1 if character == "(" else -1
        if character == "{":
            kind, name = _kind(" ".join(head.split())) if inside and parentheses == 0 else ("braces", "")
            scopes.append(_Scope(kind, name, head_line))
            if inside and kind != "braces":
                head = ""
        elif character == "}":
            scope = scopes.pop()
            if scope.kind == "function":
                functions.append((scope.line, line - scope.line + 1, scope.name))
            elif scope.kind == "class":
                classes.append((scope.line, scope.name, scope.members))
            if scope.kind in ("function", "namespace"):
                head = ""
            elif scope.kind in ("class", "enum"):
                head = "enum "  # what follows up to `;` is a declarator of it, which is not used here
        elif inside and character == ";" and parentheses == 0:
            if scopes[-1].kind == "class":
                scopes[-1].members += _members(" ".join(head.split()))
            head = ""
        elif inside:
            if not head.strip() or re.fullmatch(r"\s*(?:public|protected|private)\s*:\s*", head):
                head_line = line
            head += character
    return functions, classes
