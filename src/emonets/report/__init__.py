"""What a result is shown with: pages, films and pictures, from a `Result` and the clip itself."""
