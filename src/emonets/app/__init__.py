"""The local server behind ``emonets serve``: clips go in by a browser, pages come out.

It listens on this computer only. `docs/howto/serve.md` has what it keeps and what it promises.
"""
