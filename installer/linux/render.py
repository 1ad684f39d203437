# SPDX-License-Identifier: Apache-2.0
"""installer/linux/render.sh: the chart without helm.

It understands the little of helm's language that the chart uses, and stops at whatever else it meets, so that it never
prints something that helm would not:

    {{ TERM }} {{ TERM | FUNCTION ... }}     TERM is .Values.a.b, .Release.Namespace, .Chart.AppVersion
    {{- if TERM }} {{- if not TERM }} {{- else }} {{- end }}
    functions: default TERM, indent NUMBER, base, dir

and of YAML in values.yaml: maps of maps, text, true and false, numbers. What helm does with the rendered files then:
empty ones are left out, white space around a document goes, "# Source" is written above it, kinds come in a fixed order."""
import os
import posixpath
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHART = os.path.join(HERE, "chart")
KINDS = ("ServiceAccount", "ConfigMap", "ClusterRole", "ClusterRoleBinding", "DaemonSet")
FILES = {"seine.yaml": {}, "seine-ovs.yaml": {"ovs.enabled": True}, "uninstall.yaml": {"uninstall": True}}
TAG = re.compile(r"(\{\{-?)\s*(.*?)\s*(-?\}\})", re.S)


class Wrong(Exception):
    pass


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


# ---- values ----
def scalar(text):
    """A value as helm's --set and values.yaml both read it here."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r'"[^"\\]*"', text):
        return text[1:-1]
    if text[:1] and text[0] in "[{&*!|>'\"%@`#":
        raise Wrong("%s: neither text nor a number" % text)
    return text


def load(text):
    """{"a.b": value} of maps of maps."""
    values, above = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"( *)([A-Za-z]\w*):(?: (\S.*))?", line)
        if not match or len(match.group(1)) % 2:
            raise Wrong("line %d: %s" % (number, line))
        above = above[:len(match.group(1)) // 2] + [match.group(2)]
        if match.group(3) is not None:
            values[".".join(above)] = scalar(match.group(3))
    return values


# ---- templates ----
class Template:
    def __init__(self, values, builtin):
        self.values, self.builtin = values, builtin

    def term(self, word):
        if word.startswith(".Values.") and word[8:] in self.values:
            return self.values[word[8:]]
        if word in self.builtin:
            return self.builtin[word]
        raise Wrong("%s: not known" % word)

    def apply(self, value, words):
        name, arguments = words[0], words[1:]
        if name == "default" and len(arguments) == 1:
            return value or self.term(arguments[0])
        if name == "indent" and len(arguments) == 1:
            space = " " * int(arguments[0])
            return space + value.replace("\n", "\n" + space)
        if name in ("base", "dir") and not arguments:
            return posixpath.basename(value) if name == "base" else posixpath.dirname(value)
        raise Wrong("%s: no such function here" % " ".join(words))

    def expression(self, text):
        first, *pipes = [part.split() for part in text.split("|")]
        if len(first) != 1:
            raise Wrong("{{ %s }}: not understood" % text)
        value = self.term(first[0])
        for words in pipes:
            value = self.apply(value, words)
        return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value

    def condition(self, words):
        if words[:1] == ["not"]:
            return not self.condition(words[1:])
        if len(words) != 1:
            raise Wrong("if %s: not understood" % " ".join(words))
        return bool(self.term(words[0]))

    def act(self, text, states):
        """What a tag prints; an if, else or end changes whether the following is printed."""
        words = text.split()
        if words[:1] == ["if"]:
            states.append(self.condition(words[1:]))
        elif words == ["else"] and states:
            states[-1] = not states[-1]
        elif words == ["end"] and states:
            states.pop()
        elif words[:1] in (["else"], ["end"]):
            raise Wrong("{{ %s }}: without its if" % text)
        elif all(states):
            return self.expression(text)
        return ""

    def render(self, text):
        out, at, states, trim = [], 0, [], False
        for match in TAG.finditer(text):
            before = text[at:match.start()]
            before = before.lstrip() if trim else before
            before = before.rstrip() if match.group(1) == "{{-" else before
            out.append(before if all(states) else "")
            out.append(self.act(match.group(2), states))
            at, trim = match.end(), match.group(3) == "-}}"
        if states:
            raise Wrong("an if without its end")
        rest = text[at:]
        return "".join(out) + (rest.lstrip() if trim else rest)


def documents(text):
    return [part.strip() for part in re.split(r"(?:^|\s*\n)---\s*", text.strip()) if part.strip()]


def chart_version():
    match = re.search(r'^appVersion: "(.*)"$', read(os.path.join(CHART, "Chart.yaml")), re.M)
    if not match:
        raise Wrong("Chart.yaml: no appVersion")
    return match.group(1)


def render(settings, namespace="kube-system"):
    values = load(read(os.path.join(CHART, "values.yaml")))
    for key, value in settings.items():
        if key not in values:
            raise Wrong("%s: no such value" % key)
        values[key] = value
    template = Template(values, {".Release.Namespace": namespace, ".Chart.AppVersion": chart_version()})
    found = []
    for name in sorted(os.listdir(os.path.join(CHART, "templates"))):
        try:
            text = template.render(read(os.path.join(CHART, "templates", name)))
        except Wrong as wrong:
            raise Wrong("templates/%s: %s" % (name, wrong)) from None
        for part in documents(text):
            kind = re.search(r"^kind: (\w+)$", part, re.M).group(1)
            found.append((KINDS.index(kind), "---\n# Source: seine/templates/%s\n%s\n" % (name, part)))
    return "".join(part for _, part in sorted(found, key=lambda one: one[0]))


def write():
    for name, settings in FILES.items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
            f.write(render(settings))


def setting(text):
    key, equals, value = text.partition("=")
    if not equals:
        raise Wrong("%s: KEY=VALUE is wanted" % text)
    return key, value


def unescaped(value):
    """A value of --set: helm would divide it at a bare comma."""
    if "," in value.replace("\\,", ""):
        raise Wrong("%s: a comma is written \\, (as helm wants it)" % value)
    return value.replace("\\,", ",")


def main(arguments):
    settings, namespace = {}, "kube-system"
    while arguments:
        flag = arguments.pop(0)
        if flag in ("-h", "--help"):
            print("".join(line[2:] or "\n" for line in read(os.path.join(HERE, "render.sh")).splitlines(True)[3:9]), end="")
            return
        if flag == "--write":
            write()
            return
        if flag not in ("--set", "--set-file", "-n", "--namespace") or not arguments:
            raise Wrong("%s: not understood (see --help)" % flag)
        value = arguments.pop(0)
        if flag in ("-n", "--namespace"):
            namespace = value
            continue
        key, value = setting(value)
        settings[key] = scalar(unescaped(value)) if flag == "--set" else read(value)
    sys.stdout.write(render(settings, namespace))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Wrong, OSError) as problem:
        print("render.sh: %s" % problem, file=sys.stderr)
        sys.exit(2)
