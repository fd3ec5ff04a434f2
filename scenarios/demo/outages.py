"""Outages of the site, each a story of its own: what breaks, and where. Those in one line happen at the same time, and are not one."""
from demo.story import MINUTE, Chapter

LENGTH = 4 * MINUTE

OUTAGES = [
    # One thing breaks, and with it what needs it.
    [("connections_full", "database")],
    [("queries_slow", "database")],
    [("deploy_breaks", "web")],
    [("provider_fails", "gdrive")],
    [("provider_fails", "dropbox")],
    [("worker_stuck", "thumbnails")],
    [("worker_stuck", "reports")],
    [("disk_full", "store1")],
    [("disk_full", "web3")],
    [("memory_leaks", "web1")],
    [("cpu_busy", "jobs1")],
    [("mail_refused", "mail")],
    [("charges_slow", "card")],
    [("logins_refused", "logins")],
    # A host, with its checks and what runs on it.
    [("host_down", "web2")],
    [("host_down", "jobs1")],
    [("host_down", "db1")],
    [("host_down", "cache1")],
    [("host_down", "store2")],
    # The switch before two of them.
    [("network_lost", "rack3")],
    # Two that have nothing to do with each other.
    [("provider_fails", "s3"), ("memory_leaks", "web3")],
    [("mail_refused", "mail"), ("provider_fails", "gdrive")],
    [("disk_full", "store2"), ("connections_full", "database")],
    [("worker_stuck", "thumbnails"), ("host_down", "web1")],
    [("charges_slow", "paypal"), ("network_lost", "rack3")],
    [("logins_refused", "logins"), ("provider_fails", "onedrive")],
    # … though one of them is seen on a host where the other is seen too.
    [("memory_leaks", "web2"), ("connections_full", "database")],
]


def chapters(outage):
    """Of each of them a chapter, in the order in which they begin: one after the other, seven seconds apart."""
    return [Chapter(7 * number, LENGTH, what, where, f"{what}: {where}") for number, (what, where) in enumerate(outage)]
