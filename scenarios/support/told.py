"""Configuration of who is told, and by what."""


def contact(name, channel):
    """A contact and the one channel that leads to them, which has these keys."""
    return f"""
[[contact]]
name = "{name}"
channels = ["hook"]
[[channel]]
name = "hook"
{channel}
"""


def webhook(url):
    return f'type = "webhook"\nurl = "{url}"'
