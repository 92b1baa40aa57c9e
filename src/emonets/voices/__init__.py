"""Where somebody speaks in a clip, and which face the voice belongs to."""
