"""What ``emonets.media.clip`` is made of: opening, converting, timing and finding media files."""
