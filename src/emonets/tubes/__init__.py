"""Pictures to face tubes: detection, association, smoothing, registration."""
