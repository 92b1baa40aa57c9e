"""The local server behind ``emonets serve``: its pages, its queue of clips, and what they show."""
