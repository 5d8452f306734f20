"""OpenAI's chat completions, as ALICE and SAM use them, <-> a job: pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from accounts.problems import Invalid, Missing
from generation.api.fields import (
    CANONICAL,
    PictureFields,
    Said,
    picture,
    problem_of,
    said,
    validated,
)
from generation.api.openai_chat.schema import ChatBody
from generation.models import Job
from generation.requests import ImageRequest

SAM_ALIAS = {"samConfig": "sam_config"}
IMAGE_PARTS = frozenset({"image_url", "input_image", "image", "file"})
# OpenAI's names and, for SAM, the same in camelCase.
TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")
CAMEL_TOKENS = ("promptTokens", "completionTokens", "totalTokens")
USAGE: Mapping[str, int] = dict.fromkeys((*TOKENS, *CAMEL_TOKENS), 0)


@dataclass(frozen=True, slots=True)
class Ask:
    asked: ImageRequest
    said: Said
    stream: bool
    include_usage: bool


def to_ask(body: Mapping[str, Any]) -> Ask:
    """Top level before `sam_config` before `metadata`; raises Invalid or Missing."""
    top = said(body, ChatBody, aliases={**CANONICAL, **SAM_ALIAS})
    outer = validated(ChatBody, top)
    sam = said(outer.get("sam_config", {}), PictureFields, prefix=_path(top, "sam_config"))
    words = _over(top, _over(sam, tags(outer.get("metadata", {}))))
    values = validated(ChatBody, words)
    prompt, words.names["prompt"] = prompt_of(values["messages"])
    return Ask(
        asked=picture(prompt, values, words.names),
        said=words,
        stream=values["stream"],
        include_usage=values.get("stream_options", {}).get("include_usage", False),
    )


def _path(top: Said, name: str) -> str:
    return f"{top.names.get(name, name)}."


def tags(metadata: Mapping[str, Any]) -> Said:
    """The parameters among `metadata`, which to OpenAI is a set of free text tags.

    A text that is no value of its parameter is such a tag and ignored; anything else is refused.
    """
    fields = PictureFields().fields
    found: dict[str, Any] = {}
    names: dict[str, str] = {}
    ignored = []
    for key, value in metadata.items():
        name, word = CANONICAL.get(key, key), f"metadata.{key}"
        if name not in fields or name == "model" or _is_tag(fields[name], name, word, value):
            ignored.append(word)
        elif value is not None:
            if name in found and found[name] != value:
                raise Invalid(f"{names[name]} and {word} say different things.", param=word)
            found[name], names[name] = value, word
    return Said(found, names, tuple(ignored))


def _is_tag(field: Any, name: str, word: str, value: Any) -> bool:
    if value is None:
        return False
    try:
        field.run_validation(value)
    except serializers.ValidationError as error:
        if isinstance(value, str):
            return True
        raise problem_of({name: error.detail}, {name: word}) from error
    return False


def _over(upper: Said, lower: Said) -> Said:
    """Two layers as one; a size above hides sides below, and the other way round."""
    hidden = {"width", "height"} if "size" in upper.values else set()
    hidden |= {"size"} if {"width", "height"} & set(upper.values) else set()
    kept = {name: value for name, value in lower.values.items() if name not in hidden}
    return Said(
        {**kept, **upper.values},
        {**{name: lower.names[name] for name in kept}, **upper.names},
        (*upper.ignored, *lower.ignored),
    )


def prompt_of(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The text of the last user message, and where it stands."""
    for index in reversed(range(len(messages))):
        if messages[index].get("role") == "user":
            where = f"messages[{index}].content"
            prompt = "\n".join(_texts(messages[index].get("content"), where))
            if not prompt.strip():
                raise Missing(f"{where} is the prompt, and it is empty.", param=where)
            return prompt, where
    raise Missing("messages must hold one with role user: it is the prompt.", param="messages")


def _texts(content: Any, where: str) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    if content is not None and not isinstance(content, list):
        raise Invalid(f"{where} must be text or a list of parts.", param=where)
    for index, part in enumerate(content or []):
        here = f"{where}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in IMAGE_PARTS:
            raise Invalid(
                f"{here}: input images are not supported yet.", param=here, code="unsupported_value"
            )
        if kind != "text" or not isinstance(part.get("text"), str):
            raise Invalid(f"{here} must be a part of type text.", param=here)
        yield part["text"]


def to_reply(job: Job, urls: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """A chat.completion whose one message carries the pictures in every form clients read."""
    message = {"role": "assistant", "refusal": None, **_content(job, urls, seeds)}
    choice = {"index": 0, "message": message, "logprobs": None, **_finish("stop")}
    return {**_head(job, "chat.completion"), "choices": [choice], "usage": USAGE}


def to_chunks(ask: Ask, job: Job, urls: Sequence[str], seeds: Sequence[int]) -> list[Any]:
    """The chunks after the opening one."""
    chunks = [_chunk(ask, job, _content(job, urls, seeds)), _chunk(ask, job, {}, "stop")]
    if ask.include_usage:
        usage = {**_head(job, "chat.completion.chunk"), "choices": [], "usage": USAGE}
        chunks.append(usage)
    return chunks


def to_opening(ask: Ask, job: Job) -> dict[str, Any]:
    return _chunk(ask, job, {"role": "assistant", "content": ""})


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{job.id.hex}",
        "object": kind,
        "created": int(job.created_at.timestamp()),
        "model": job.model,
    }


def _chunk(
    ask: Ask, job: Job, delta: Mapping[str, Any], finish: str | None = None
) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, **_finish(finish)}
    usage = {"usage": None} if ask.include_usage else {}
    return {**_head(job, "chat.completion.chunk"), "choices": [choice], **usage}


def _finish(reason: str | None) -> dict[str, str | None]:
    return {"finish_reason": reason, "finishReason": reason}


def _content(job: Job, urls: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    spec = job.spec
    pictures = "".join(f"\n\n![image]({url})" for url in urls)
    return {
        "content": f"Image generated successfully. URL: {urls[0]}{pictures}",
        "image_urls": list(urls),
        "images": [{"type": "image_url", "image_url": {"url": url}} for url in urls],
        "metadata": {
            "prompt": spec["prompt"],
            "negative_prompt": spec["negative_prompt"],
            "steps": spec["num_inference_steps"],
            "guidance_scale": spec["guidance_scale"],
            "seed": seeds[0],
            "seeds": list(seeds),
            "model": job.model,
            "scheduler": spec["scheduler"],
            "width": spec["width"],
            "height": spec["height"],
            "mode": spec["task"],
            "adjustments": job.adjustments,
        },
    }
