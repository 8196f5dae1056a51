"""`report`: the folder with web pages, JSON, Markdown, CSV and JUnit."""
