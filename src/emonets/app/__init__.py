<<<<<<< HEAD
"""The local server behind ``emonets serve``: its pages, its queue of clips, and what they show."""
=======
"""The local server behind ``emonets serve``: clips go in by a browser, pages come out.

It listens on this computer only. `docs/serve.md` has what it keeps and what it promises.
"""
>>>>>>> i23-B
