"""What a file is by its first bytes, and the refusal of what can carry code or cannot be trusted."""

from collections.abc import Iterator
from pathlib import Path

from accounts.problems import Invalid
from modelhub.weights import WeightsUnreadable, read_header

PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
# Weights of other programs: listed, so that somebody who drops one in learns why it is not used.
FOREIGN = frozenset({".gguf", ".ggml", ".onnx", ".h5", ".hdf5", ".pb", ".tflite", ".npz"})
# What lies in a model's folder beside weights; read as text, as JSON or as a vocabulary.
DATA = frozenset({".json", ".txt", ".md", ".yaml", ".yml", ".model", ".jinja", ""})
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
CODE = frozenset({".py", ".pyc", ".so", ".dll", ".sh", ".exe", ".js"})

HEAD = 512
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive, as PyTorch writes pickles"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"GGUF", "a GGUF file"),
    (b"ggml", "a GGML file"),
    (b"lmgg", "a GGML file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
)
PAGES = (b"<!doctype html", b"<html", b"<?xml")
RUNS_CODE = frozenset({"zip", "pickle", "program", "script"})
CODE_NOTE = "it can run code when it is opened: convert it to .safetensors"
OTHER_NOTE = "only .safetensors are loaded"


def named(head: bytes) -> str:
    """What begins like this, in words; empty: nothing that is known."""
    if head.lstrip()[:20].lower().startswith(PAGES):
        return "a web page, not a model"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((title for magic, title in MAGIC if head.startswith(magic)), "")


def head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(HEAD)


def is_safetensors(file: Path) -> bool:
    """By content: a length, and a JSON object where it says."""
    head = head_of(file)
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= file.stat().st_size - 8


def why_not(file: Path) -> str:
    """Why a file that is not named .safetensors cannot be a model of ours."""
    title = named(head_of(file))
    if is_safetensors(file):
        return "it is a safetensors file by its content: name it .safetensors"
    if title:
        harmful = any(word in title for word in RUNS_CODE)
        return f"it is {title}; {CODE_NOTE if harmful else OTHER_NOTE}"
    if file.suffix.lower() in FOREIGN:
        return f"{file.suffix} files are weights of other programs; {OTHER_NOTE}"
    return f"{file.suffix} files can run code when they are opened: convert it to .safetensors"


def refuse(path: Path, name: str = "") -> None:
    """Let only files through that carry no code: whole safetensors, and the data beside them.

    `name` is what the file will be called, where it still has another; of a folder every file is
    looked at. Raises Invalid `unsupported_model_format`.
    """
    for file, called in _files(path, name):
        reason = _reason(file, Path(called).suffix.lower())
        if reason:
            raise Invalid(f"{called!a}: {reason}", code="unsupported_model_format")


def _files(path: Path, name: str) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        yield path, name or path.name
        return
    for file in sorted(path.rglob("*")):
        if not file.is_dir():
            yield file, str(file.relative_to(path))


def _reason(file: Path, suffix: str) -> str:
    """Why this file is not let in; empty: it is."""
    if file.is_symlink():
        return "it is a link"
    if suffix in CODE:
        return "it is code, which is never run"
    if suffix in PICKLES | FOREIGN:
        return why_not(file)
    if suffix in PICTURES | DATA:
        return _data_reason(file, suffix)
    return _weights_reason(file)


def _weights_reason(file: Path) -> str:
    try:
        read_header(file)
    except WeightsUnreadable as problem:
        title = named(head_of(file))
        # It may lie under a name of ours, which says nothing to who sent it.
        reason = str(problem).removeprefix(file.name).strip()
        return f"it is {title}; {OTHER_NOTE}" if title else f"it {reason}"
    return ""


def _data_reason(file: Path, suffix: str) -> str:
    head = head_of(file)
    title = named(head)
    # A list of merges or a licence may begin with anything but the mark of an archive or program.
    if title and not (suffix in {".md", ".txt", ""} and head.startswith((b"#!", b"MZ", b"<"))):
        return f"it is {title}"
    text = suffix in DATA - {".model"}
    return "it is not text" if text and b"\0" in head else ""
