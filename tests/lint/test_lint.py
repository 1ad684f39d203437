# SPDX-License-Identifier: Apache-2.0
"""Each lint finds what it is there to find: it is shown a tree that breaks its rule."""
import unittest

import conditionals
import includes
import manifests
import tree
import widths
import words


def check(lint, **texts):
    """Findings of a lint over files given as folder__file_c="text"."""
    named = {k.replace("__", "/").replace("_c", ".c").replace("_h", ".h"): v for k, v in texts.items()}
    return [(path, line) for path, line, _ in lint.check(sorted(named), named.__getitem__)]


class Includes(unittest.TestCase):
    def test_allowed(self):
        self.assertEqual(check(includes, core__store__a_c='#include "core/base/err.h"\n#include <stdio.h>\n'), [])

    def test_upwards_is_found(self):
        self.assertEqual(check(includes, core__base__a_c='\n#include "core/store/store.h"\n'), [("core/base/a.c", 2)])

    def test_protocol_in_policy_is_found(self):
        self.assertEqual(len(check(includes, core__policy__a_c='#include "ovs/flow.h"\n')), 1)
        self.assertEqual(check(includes, core__pipeline__a_c='#include "ovs/flow.h"\n'), [])
        self.assertEqual(len(check(includes, core__pipeline__a_c='#include "ovs/ofmsg.h"\n')), 1)

    def test_uv_outside_io_is_found(self):
        self.assertEqual(len(check(includes, ovs__a_c="#include <uv.h>\n")), 1)
        self.assertEqual(check(includes, core__io__a_c="#include <uv.h>\n"), [])

    def test_posix_in_portable_code_is_found(self):
        self.assertEqual(len(check(includes, core__base__a_c="#include <sys/socket.h>\n")), 1)
        self.assertEqual(check(includes, platform__linux__a_c="#include <sys/socket.h>\n"), [])

    def test_commented_include_is_none(self):
        self.assertEqual(check(includes, core__base__a_c='/* #include "ovs/flow.h" */\n'), [])

    def test_cycle_is_found(self):
        edges = {"a": {"b": ("a/x", 1, "b/y")}, "b": {"a": ("b/y", 1, "a/x")}}
        self.assertEqual(len(includes.cycles(edges)), 1)
        self.assertEqual(includes.cycles({"a": {"b": ("a/x", 1, "b/y")}}), [])


class Manifests(unittest.TestCase):
    """And render.sh, on which it leans, stops at what it does not know as helm does."""

    def test_clean_and_changed(self):
        self.assertEqual(manifests.check(tree.read), [])
        changed = manifests.check(lambda path: tree.read(path) + ("x" if path.endswith("linux/seine.yaml") else ""))
        self.assertEqual([path for path, _, _ in changed], ["installer/linux/seine.yaml"])

    def test_value_without_its_row_is_found(self):
        found = manifests.check(lambda path: tree.read(path).replace("| `apiServer` |", "| `other` |"))
        self.assertEqual([path for path, _, _ in found], ["docs/install.md"])

    def render(self, text, **values):
        return manifests.render.Template(values, {".Release.Name": "r"}).render(text)

    def test_templates(self):
        self.assertEqual(self.render("a: {{ .Values.x }}\n{{- if .Values.y }}\nb\n{{- else }}\nc\n{{- end }}\n", x="1", y=""),
                         "a: 1\nc\n")
        self.assertEqual(self.render("{{ .Values.x | default .Release.Name }}", x=""), "r")
        self.assertEqual(self.render("{{ .Values.x | indent 2 }}", x="a\nb"), "  a\n  b")

    def test_what_is_not_known_stops(self):
        for text in ("{{ .Values.z }}", "{{ .Values.x | quote }}", "{{ range .Values.x }}", "{{ if .Values.x }}", "{{ end }}",
                     "{{ include \"x\" . }}", "{{ if and .Values.x .Values.x }}{{ end }}"):
            with self.assertRaises(manifests.render.Wrong, msg=text):
                self.render(text, x="1")
        for text in ("a:\n  - b\n", "a: |\n  b\n", "a: {b: c}\n"):
            with self.assertRaises(manifests.render.Wrong, msg=text):
                manifests.render.load(text)
        with self.assertRaises(manifests.render.Wrong):
            manifests.render.unescaped("a,b")
        self.assertEqual(manifests.render.unescaped("a\\,b"), "a,b")


class Conditionals(unittest.TestCase):
    def test_found_outside_platform(self):
        self.assertEqual(check(conditionals, core__base__a_c="#ifdef _WIN32\n#endif\n"), [("core/base/a.c", 1)])
        self.assertEqual(check(conditionals, ovs__a_c="#  if defined(__linux__)\n#endif\n"), [("ovs/a.c", 1)])

    def test_allowed_in_platform_and_port(self):
        self.assertEqual(check(conditionals, platform__linux__a_c="#ifdef __linux__\n#endif\n",
                               core__base__port_h="#ifdef _WIN32\n#endif\n"), [])

    def test_guards_and_features_are_none(self):
        self.assertEqual(check(conditionals, core__base__a_h="#ifndef SEINE_A_H\n#ifdef SEINE_FUZZ\n#endif\n"), [])


class Words(unittest.TestCase):
    def test_long_in_portable_code(self):
        self.assertEqual(check(words, ovs__a_c="int x;\nunsigned long y;\n"), [("ovs/a.c", 2)])
        self.assertEqual(check(words, ovs__a_c='/* as long as */ const char *s = "long";\n'), [])
        self.assertEqual(check(words, ovs__a_c="unsigned long long x;\n"), [])
        self.assertEqual(check(words, platform__linux__a_c="long y;\n"), [])

    def test_marks_and_machine_paths(self):
        self.assertEqual(len(check(words, core__a_c="/* TO" + "DO */\n")), 1)
        self.assertEqual(len(check(words, docs__a_md="see /work" + "/main\n")), 1)
        self.assertEqual(check(words, docs__a_md="frame/work and /run/seine\n"), [])

    def test_texts_of_the_system(self):
        self.assertEqual(len(check(words, platform__windows__a_c="FormatMessageW(x);\n")), 1)
        self.assertEqual(check(words, core__io__a_c="uv_strerror_r(x);\n"), [])

    def test_goto(self):
        self.assertEqual(len(check(words, core__a_c="goto out;\n")), 1)


class Widths(unittest.TestCase):
    def test_formats_and_types(self):
        self.assertEqual(check(widths, ovs__a_c='\nprintf("%08lx", x);\n'), [("ovs/a.c", 2)])
        self.assertEqual(check(widths, ovs__a_c='printf("%lld %zu 5%l" PRIu64, x);\n'), [])
        self.assertEqual(len(check(widths, ovs__a_c="off_t x;\nfseek(f, 0, 0);\n")), 2)
        self.assertEqual(check(widths, platform__linux__a_c="off_t x;\n"), [])

    def test_layout(self):
        self.assertEqual(len(check(widths, ovs__a_h="struct a { uint8_t x : 4; };\n")), 1)
        self.assertEqual(check(widths, ovs__a_c="case 4:\n    x = y ? 1 : 2;\n"), [])

    def test_json_numbers(self):
        self.assertEqual(len(check(widths, cni__a_c='cJSON_AddNumberToObject(o, "id",\n    (double)cookie);\n')), 1)
        self.assertEqual(len(check(widths, cni__a_c="uint64_t id = (uint64_t)json->valuedouble;\n")), 1)
        self.assertEqual(check(widths, cni__a_c='cJSON_AddNumberToObject(o, "port", q->port);\n'), [])

    def test_text_files(self):
        self.assertEqual(len(check(widths, cni__a_c='FILE *f = fopen(path, "r");\n')), 1)
        self.assertEqual(check(widths, cni__a_c='FILE *f = fopen(path, "rb");\n'), [])


class Text(unittest.TestCase):
    def test_code_only_keeps_lines(self):
        self.assertEqual(tree.code_only('a /* x\ny */ b // c\n"d"').count("\n"), 2)
        self.assertNotIn("d", tree.code_only('"d"'))


if __name__ == "__main__":
    unittest.main()
