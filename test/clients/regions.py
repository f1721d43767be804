"""Compares a page's blocks of code with regions of files: see check_code.sh."""

import os
import pathlib
import re
import sys
import textwrap

BLOCK = re.compile(r"(?:^<!-- (?P<file>\S+): (?P<region>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
OTHERS_OWN = ("sql", "text")


def region(file, name):
    """Its lines, without the indent that they have in common; what one region has around another is no part of it."""
    lines = (pathlib.Path(__file__).parent / file).read_text(encoding="utf-8").splitlines(keepends=True)
    first = [number for number, line in enumerate(lines) if re.search(rf"\bregion: {name}$", line.strip())]
    if len(first) != 1:
        return f"no region {name}, or more than one, in {file}\n"
    inside = []
    for line in lines[first[0] + 1 :]:
        if "end region" in line:
            break
        inside.append(line)
    return textwrap.dedent("".join(inside)).strip("\n") + "\n"


def main(page):
    path = pathlib.Path(page)
    text = path.read_text(encoding="utf-8")
    if os.environ.get("WRITE"):
        write = lambda block: (
            block[0]
            if block["file"] is None
            else f"<!-- {block['file']}: {block['region']} -->\n```{block['language']}\n{region(block['file'], block['region'])}```"
        )
        path.write_text(BLOCK.sub(write, text), encoding="utf-8")
        return 0
    used = {(block["file"], block["region"]) for block in BLOCK.finditer(text)}
    count = failed = 0
    for block in BLOCK.finditer(text):
        if block["file"] is None and block["language"] in OTHERS_OWN:
            continue
        count += 1
        line = text.count("\n", 0, block.start()) + 1
        good = block["file"] is not None and region(block["file"], block["region"]) == block["code"]
        failed += not good
        print(f"{'ok' if good else 'not ok'} {count} - {page}:{line} is {block['region']} of {block['file']}")
    directory = pathlib.Path(__file__).parent
    for file in sorted(file for file in directory.rglob("*.*") if file.is_file() and file.name != "regions.py"):
        for name in re.findall(r"(?<!end )\bregion: (\w+)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            count += 1
            good = (str(file.relative_to(directory)), name) in used
            failed += not good
            print(f"{'ok' if good else 'not ok'} {count} - {page} shows the region {name} of {file.relative_to(directory)}")
    print(f"1..{count}")
    return failed > 0 or count == 0


sys.exit(main(sys.argv[1]))
