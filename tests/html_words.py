"""What a page says, for tests of pages."""

from html.parser import HTMLParser


class Words(HTMLParser):
    """The text of a page and the tags in it."""

    def __init__(self, html):
        super().__init__()
        self.said, self.tags, self.skips = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skips = tag in ("script", "style")
        if tag not in ("b", "code", "wbr"):  # within a line
            self.said.append(" ")

    def handle_endtag(self, tag):
        self.skips = False

    def handle_data(self, data):
        if not self.skips:
            self.said.append(data)

    @property
    def text(self):
        return " ".join("".join(self.said).split())
