"""A program's resources and values are known as far as they can be without running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stepwell.check import Program, read
from stepwell.check.json_values import document, plain
from stepwell.check.values import Json, Output, Reference, Unknown, known
from stepwell.errors import UsageError

Read = Callable[..., Program]


def value(program: Program, name: str) -> Any:
    """A module-level name as plain JSON."""
    return plain(program.scopes["__main__"].names[name]).value


#: what a program says → what `x` is
EXPRESSIONS: list[tuple[str, Any]] = [
    ("x = 1 + 2 * 3 - 4 / 2", 5.0),
    ("x = 'a' + 'b' 'c'", "abc"),
    ("x = f'{1}-{\"a\"}'", "1-a"),
    ("x = '{}-{b}'.format(1, b='c')", "1-c"),
    ("x = '-'.join(['a', 'b'])", "a-b"),
    ("x = [n * 2 for n in range(4) if n != 1]", [0, 4, 6]),
    ("x = {k: v for k, v in [('a', 1), ('b', 2)]}", {"a": 1, "b": 2}),
    ("x = {**{'a': 1}, 'b': [*(1, 2), 3]}", {"a": 1, "b": [1, 2, 3]}),
    ("x = [0]\nfor i, n in enumerate(['a', 'b']):\n    x.append(f'{i}{n}')", [0, "0a", "1b"]),
    ("x = {}\nx['a'] = 1\nx.update(b=2)\nx.setdefault('c', []).append(3)", {"a": 1, "b": 2, "c": [3]}),
    ("def f(a, *r, b=2, **m):\n    return [a, r, b, m]\nx = f(1, 3, 4, c=5)", [1, [3, 4], 2, {"c": 5}]),
    ("def f(n):\n    if n == 0:\n        return 'end'\n    return f(n - 1)\nx = f(5)", "end"),
    ("class C:\n    size = 2\n    def __init__(self, n):\n        self.n = n\n    def both(self):\n"
     "        return [self.n, self.size]\nx = C(1).both()", [1, 2]),
    ("x = 1\nif x > 2:\n    x = 'large'\nelif x:\n    x = 'small'", "small"),
    ("x = None\ntry:\n    x = 1\nexcept ValueError:\n    x = 2", 1),
    ("x = json.loads('{\"a\": [1, null]}')", {"a": [1, None]}),
    ("x = json.loads(json.dumps({'a': (1, 2)}))", {"a": [1, 2]}),
    ("x = 'A,B'.lower().split(',')[1:]", ["b"]),
    ("a, (b, c) = 1, (2, 3)\nx = [c, b, a]", [3, 2, 1]),
    ("x = pulumi.Config().get('n') or 'default'", "default"),
    ("x = (lambda a, b=2: a + b)(1)", 3),
    ("import os\nx = os.path.basename(os.path.join('a', 'b.zip'))", "b.zip"),
    ("from pathlib import Path\nx = (Path('a') / 'b.txt').stem", "b"),
    ("x = open('beside.txt').read().strip()", "hello"),
    ("import pathlib\nx = (pathlib.Path(__file__).parent / 'beside.txt').read_text().strip()", "hello"),
    ("import beside\nx = beside.VALUE", 42),
    ("from beside import twice as two\nx = two(4)", 8),
    ("b = aws.s3.Bucket('b', bucket='data')\nx = b.id.apply(lambda n: 's3://%s/%s' % (n, 'k'))", "s3://data/k"),
    ("x = 'states.%s.x' % 'eu'", "states.eu.x"),
    ("from package import outer\nx = outer.NAMES", ["inner", "inner"]),
    ("import package.inner\nx = package.inner.NAME", "inner"),
]  # fmt: skip
BESIDE = {
    "beside.txt": "hello\n",
    "beside.py": "VALUE = 42\ndef twice(n):\n    return n * 2\n",
    "package/__init__.py": "",
    "package/outer.py": "from . import inner\nfrom .inner import NAME\nNAMES = [NAME, inner.NAME]\n",
    "package/inner.py": "NAME = 'inner'\n",
}


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_what_is_known_is_worked_out(program: Read, text: str, expected: Any) -> None:
    assert value(program(text, BESIDE), "x") == expected


#: what a program says and nobody can know
UNKNOWN = [
    "x = pulumi.Config().require('n')",
    "import random\nx = random.random()",
    "x = [1] if pulumi.get_stack() == 'dev' else [2]",
    "x = open('/etc/hostname').read()",
    "x = 'a' * 10 ** 9",
    "x = undefined(1)",
    "import os\nx = os.environ['HOME']",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_known_is_not_made_up(program: Read, text: str) -> None:
    assert isinstance(program(text).scopes["__main__"].names["x"], Unknown)


RESOURCES = """
from pulumi_aws import iam as rights
from pulumi_aws.s3 import Bucket, BucketObjectv2Args, BucketObjectv2

def make(name, **more):
    return Bucket(f"{name}-bucket", force_destroy=True, **more)

first, second = make("one"), make("two", bucket="fixed")
for key in ("a", "b"):
    BucketObjectv2(f"object-{key}", BucketObjectv2Args(bucket=first.id, key=key, content="x"),
                   pulumi.ResourceOptions(depends_on=[second]))
if pulumi.get_stack() == "prod":
    extra = rights.User("extra")
"""


def test_resources_are_declared_by_type_name_variable_and_properties(program: Read) -> None:
    found = program(RESOURCES)
    assert [(each.type, each.name, each.variable, each.conditional) for each in found.resources] == [
        ("aws:s3/bucket:Bucket", "one-bucket", "first", False),
        ("aws:s3/bucket:Bucket", "two-bucket", "second", False),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "object-a", "", False),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "object-b", "", False),
        ("aws:iam/user:User", "extra", "extra", True),
    ]
    first, second, thing = found.resources[:3]
    assert plain(second.get("bucket")).value == "fixed"
    assert thing.text("key") == "a"
    reference = thing.get("bucket")
    assert isinstance(reference, Reference) and reference.of is first and reference.path == ("id",)
    assert list(thing.depends_on()) == [second]
    assert (first.place.file, first.place.line) == ("__main__.py", 9)


OUTPUTS = """
b = aws.s3.Bucket("b", bucket="data")
one = b.arn.apply(lambda arn: f"{arn}/*")
two = pulumi.Output.all(b.arn, b.id).apply(lambda v: {"a": v[0], "b": v[1]})
three = pulumi.Output.concat("s3://", b.id, "/x")
four = pulumi.Output.json_dumps({"bucket": b.arn, "list": [one]})
five = pulumi.Output.format("{0}-{name}", b.id, name=b.bucket)
six = two["a"]
"""


def test_outputs_are_followed_through_apply_all_concat_format_and_json(program: Read) -> None:
    found = program(OUTPUTS)
    names = found.scopes["__main__"].names
    assert all(isinstance(names[name], Output) for name in ("one", "two", "three", "four", "five", "six"))
    assert value(found, "one") == "arn:aws:s3:::data/*"
    assert value(found, "two") == {"a": "arn:aws:s3:::data", "b": "data"}
    assert value(found, "three") == "s3://data/x"
    assert isinstance(known(names["four"]), Json)
    assert plain(document(names["four"])).value == {
        "bucket": "arn:aws:s3:::data",
        "list": ["arn:aws:s3:::data/*"],
    }
    assert value(found, "five") == "data-data"
    assert value(found, "six") == "arn:aws:s3:::data"


def test_a_place_in_a_document_is_where_the_program_writes_it(program: Read) -> None:
    found = program('text = """{\n  "a": {"b": 1}\n}"""\nother = json.dumps({\n    "c": 1,\n})\n')
    names = found.scopes["__main__"].names
    inside = document(names["text"])
    assert inside is not None
    place = inside.entries["a"].entries["b"].place  # type: ignore[attr-defined]
    assert (place.line, place.column) == (5, 9)
    other = document(names["other"])
    assert other is not None and other.keys["c"].line == 8  # type: ignore[attr-defined]


BOUNDED = [
    "while True:\n    x = 1\n",
    "def f():\n    return f()\nf()\n",
    "x = []\nfor i in range(9999):\n    for j in range(9999):\n        x.append(x)\n",
    "x = 'a'\nfor i in range(190):\n    x = x + x\n",
    "x = [1]\nfor i in range(190):\n    x = [x, x]\ny = json.dumps(x)\n",
    "x = " + "[" * 80 + "]" * 80 + "\n",
    "x = " + "-" * 3000 + "1\n",
    "x = 9 ** 9 ** 9 ** 9\n",
    "import __main__\nimport beside\n",
]


@pytest.mark.parametrize("text", BOUNDED)
def test_no_program_holds_the_reader(program: Read, text: str) -> None:
    program(text, {"beside.py": "import beside\nimport __main__\n"})


def test_the_entry_is_what_pulumi_yaml_says(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\nmain: code/\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "__main__.py").write_text("import pulumi_aws as aws\naws.s3.Bucket('b')\n")
    assert [each.name for each in read(tmp_path).resources] == ["b"]
    assert read(tmp_path / "code" / "__main__.py").resources[0].place.file == "__main__.py"


@pytest.mark.parametrize("name", ["", "absent"])
def test_where_there_is_no_program_it_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        read(tmp_path / name)
