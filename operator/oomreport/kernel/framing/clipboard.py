r"""What web pages, editors and terminals do to the text of a line, undone.

    &lt;4&gt;[   12.345678] ..         escaped for a web page; in tags like <p> or <br>
    [   12.345678]<U+00A0>text         blanks that do not break
    oom\_score\_adj=0                  escaped for Markdown
    ESC[32m[   12.345678] ESC[0m..     colours as a pager shows them, or without their escape character
    +[   12.345678] ..                 a diff, `grep -n`, `cat -n`, a list's numbers

Only what cannot be the kernel's own text is touched, and only in text that people handle, not in entries.
"""

from oomreport.kernel import lazy_re as re

_ODD = re.compile(
    "[\u00a0\u2007\u202f\u200b\u200c\u200d\u2060\ufeff]|&[a-z]{2,4};|&#(?:39|34|x27|160);|ESC\\[|\\^\\[\\[|\\\\[_\\[]|"
    r"^\[(?:\d{1,3}(?:;\d{1,3}){0,4})?m|</?(?:p|br|pre|code|li|div|span|td|tr|b|strong)\b|^\s*\{(?:noformat|code)",
    re.IGNORECASE,
)
_BLANKS = {ord(c): " " for c in "\u00a0\u2007\u202f"} | {ord(c): None for c in "\u200b\u200c\u200d\u2060\ufeff"}
_ENTITIES = {
    "lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " ", "#39": "'", "#34": '"', "#x27": "'", "#160": " ",
}  # fmt: skip
_ENTITY = re.compile(rf"&({'|'.join(_ENTITIES)});")
_COLOUR = re.compile(r"(?:ESC|\^\[)\[[0-9;]*[mK]")
_LOST_COLOUR = re.compile(r"\[(?:\d{1,3}(?:;\d{1,3}){0,4})?m(?:\[K)?")
_MARKDOWN = re.compile(r"\\([_\[\]*<>~`#|-])")
_TAG = r"<(?:p|pre|code|li|div|span|td|tr|b|strong)(?: [^<>]{0,200})?>"
_TAGS_BEFORE = re.compile(rf"\A\s*(?:{_TAG}|<br ?/?>)+", re.IGNORECASE)
_TAGS_BEHIND = re.compile(r"(?:</(?:p|pre|code|li|div|span|td|tr|b|strong)>|<br ?/?>)+\s*$", re.IGNORECASE)
_CELLS = re.compile(r"</td>\s*<td(?: [^<>]{0,200})?>", re.IGNORECASE)
_MOST_BEHIND = 200
_MACRO = re.compile(r"\A\s*\{(?:noformat|code)(?::[^{}]{0,80})?\}")


def mended(text: str) -> str:
    """Return a physical line as it was before a page, an editor or a terminal changed it."""
    if _ODD.search(text) is None:
        return text
    text = text.translate(_BLANKS)
    if "ESC[" in text or "^[[" in text:
        text = _COLOUR.sub("", text)
    elif _LOST_COLOUR.match(text):
        text = _LOST_COLOUR.sub("", text)
    text = _TAGS_BEFORE.sub("", text, count=1)
    text = _CELLS.sub("\t", text)
    text = text[:-_MOST_BEHIND] + _TAGS_BEHIND.sub("", text[-_MOST_BEHIND:])
    if "&" in text:
        text = _ENTITY.sub(lambda entity: _ENTITIES[entity.group(1)], text)
    if "\\_" in text or text.startswith("\\["):
        text = _MARKDOWN.sub(r"\1", text)
    return _MACRO.sub("", text, count=1)
