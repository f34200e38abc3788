"""Names that want to be more than text."""

from hypothesis import strategies as st

NAMES = (
    "<script>alert(1)</script>",
    "\"><img src='http://evil.example/x' onerror=alert(1)>",
    "'; background: url(http://evil.example) '",
    "]]></failure><!-- -->",
    "&amp;&#x3c;b&gt;",
    "line\nbreak\rand\ttab",
    "\x00\x1b[2J\x9b\x7f",
    "\u202eback\u2028\ufffe\ud800",
    "</style></svg></table>",
)
TEXT = st.one_of(
    st.sampled_from(NAMES),
    st.text(st.characters(codec=None), max_size=30),
)
