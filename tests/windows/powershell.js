// SPDX-License-Identifier: Apache-2.0
//
// What is in PowerShell scripts, as JSON: node --liftoff-only powershell.js NODE_MODULES FILE...
// (Without --liftoff-only the grammar is compiled for a quarter of a minute first.)
//
// {"FILE": {"errors": [{line, text}], "commands": [{line, name, parameters: [text]}], "types": [{line, name}], "hashKeys": {key: text},
//           "functions": [{name, line, help, attributes: [text], parameters: [name]}]}}
"use strict";
const fs = require("fs");
const path = require("path");

const modules = process.argv[2];
const {Parser, Language} = require(path.join(modules, "web-tree-sitter", "web-tree-sitter.cjs"));

function children(node) {
    const all = [];
    for (let i = 0; i < node.childCount; i++) all.push(node.child(i));
    return all;
}

function walk(node, visit) {
    visit(node);
    for (const child of children(node)) walk(child, visit);
}

// Nodes of a type below 'node', not entering nodes of 'stop'.
function below(node, type, stop) {
    const found = [];
    (function look(n) {
        for (const child of children(n)) {
            if (child.type === type) found.push(child);
            if (child.type !== stop) look(child);
        }
    })(node);
    return found;
}

function lineOf(node) {
    return node.startPosition.row + 1;
}

function functionFacts(node) {
    const name = children(node).find((c) => c.type === "function_name").text;
    const help = children(node).find((c) => c.type === "comment" && c.text.startsWith("<#"));
    const block = below(node, "param_block", "function_statement")[0];
    const attributes = block
        ? children(block).filter((c) => c.type === "attribute_list").flatMap((l) => children(l)).map((a) => a.text)
        : [];
    const parameters = block
        ? below(block, "script_parameter", "").map((p) => children(p).find((c) => c.type === "variable").text.slice(1))
        : [];
    return {name, line: lineOf(node), help: help ? help.text : "", attributes, parameters};
}

function facts(tree) {
    const out = {errors: [], commands: [], types: [], hashKeys: {}, functions: []};
    walk(tree.rootNode, (n) => {
        if (n.isError || n.isMissing) out.errors.push({line: lineOf(n), text: n.text.slice(0, 60)});
        if (n.type === "command_name" || n.type === "command_name_expr") {
            const parameters = below(n.parent, "command_parameter", "script_block").map((c) => c.text);
            out.commands.push({line: lineOf(n), name: n.text, parameters});
        }
        if (n.type === "type_literal") out.types.push({line: lineOf(n), name: n.text});
        if (n.type === "hash_entry") {
            const key = children(n)[0].text;
            if (!(key in out.hashKeys)) out.hashKeys[key] = n.text.slice(n.text.indexOf("=") + 1).trim();
        }
        if (n.type === "function_statement") out.functions.push(functionFacts(n));
    });
    return out;
}

(async () => {
    await Parser.init();
    const language = await Language.load(path.join(modules, "tree-sitter-powershell", "tree-sitter-powershell.wasm"));
    const parser = new Parser();
    parser.setLanguage(language);
    const out = {};
    for (const file of process.argv.slice(3)) out[file] = facts(parser.parse(fs.readFileSync(file, "utf8")));
    process.stdout.write(JSON.stringify(out));
})();
