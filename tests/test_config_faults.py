"""Every way in which ``router.toml`` can be wrong, and the line that says so."""

from __future__ import annotations

import tomllib

from twisted.trial.unittest import SynchronousTestCase

from pods.config import examine, from_mapping
from pods.errors import ConfigurationError
from tests.test_config import MINIMAL, config, merged

#: What is added to (or put in the place of) the minimal file; the fault that it makes.
BAD = {
    "[routr]": "routr: unknown key, nearest is router; allowed: admin, body, cache, cookie,"
    " health, limits, log, not_found, pods, router, rules, strategies, strategy, timeouts",
    'router = "x"': 'router: is "x"; allowed: a table',
    "router.listen = []": "router.listen: is an empty list; allowed: a list of one or more of: {S}",
    'router.listen = "tcp:80"': 'router.listen: is "tcp:80"; allowed: a list of one or more of:'
    " {S}",
    "router.listen = ['tcp:80', 'tcp:x']": 'router.listen[2]: is "tcp:x" (invalid literal for int()'
    " with base 10: 'x'); allowed: {S}",
    "router.listen = ['tcp:65536']": 'router.listen[1]: is "tcp:65536" (no such port); allowed:'
    " {S}",
    "router.listen = ['tcp']": 'router.listen[1]: is "tcp" (an argument is missing, unknown or too'
    " much); allowed: {S}",
    "router.listen = ['ssl:443:privateKey=/nowhere/key.pem']": "router.listen[1]: is"
    ' "ssl:443:privateKey=/nowhere/key.pem" (/nowhere/key.pem: No such file or directory);'
    " allowed: {S}",
    "router.listen = [80]": "router.listen[1]: is 80; allowed: {S}",
    "router.region = ''": 'router.region: is ""; allowed: {N}',
    "router.strategy = 'bonce'": 'router.strategy: no plugin "bonce" is installed, nearest is'
    " bounce; allowed: bounce, learn",
    "router.strategy = 1": "router.strategy: is 1; allowed: the name of an installed plugin",
    "router.data_dir = ''": 'router.data_dir: is ""; allowed: a folder',
    'router.data_dir = "a\\u0000b"': 'router.data_dir: is "a\\u0000b"; allowed: a folder',
    "router.workers = 0": "router.workers: is 0; allowed: a whole number, 1 to 1_024",
    "router.workers = true": "router.workers: is true; allowed: a whole number, 1 to 1_024",
    "router.workers = 2.0": "router.workers: is 2.0; allowed: a whole number, 1 to 1_024",
    "router.worker = 2": "router.worker: unknown key, nearest is workers; allowed: data_dir,"
    " header_prefix, listen, region, strategy, trusted_proxies, workers",
    "router.trusted_proxies = ['10.0.0.1/8']": 'router.trusted_proxies[1]: is "10.0.0.1/8"'
    " (10.0.0.1/8 has host bits set); allowed: an IP address, a network such as 127.0.0.0/8, or"
    " unix:",
    "router.trusted_proxies = ['::1', 'me']": "router.trusted_proxies[2]: is \"me\" ('me' does not"
    " appear to be an IPv4 or IPv6 network); allowed: an IP address, a network such as"
    " 127.0.0.0/8, or unix:",
    "router.header_prefix = 'X-Pod'": 'router.header_prefix: is "X-Pod"; allowed: {H}',
    "router.header_prefix = 'X_Pod-'": 'router.header_prefix: is "X_Pod-"; allowed: {H}',
    "router.header_prefix = 'X-'": 'router.header_prefix: is "X-" (this would also remove'
    " x-forwarded-for, x-real-ip, x-request-id); allowed: {H}",
    "pods = 1": "pods: is 1; allowed: at least one table [pods.NAME]",
    "pods.a = 1": "pods.a: is 1; allowed: a table",
    "pods.a = {}": "pods.a.url: is missing; allowed: {U}",
    "pods.'a b' = {url = 'http://h'}": 'pods."a b": is "a b"; allowed: {N}',
    "pods.pod_0.url = 'ftp://h'": 'pods.pod_0.url: is "ftp://h"; allowed: {U}',
    "pods.pod_0.url = 'http://h/path'": 'pods.pod_0.url: is "http://h/path"; allowed: {U}',
    "pods.pod_0.url = 'http://h?'": 'pods.pod_0.url: is "http://h?"; allowed: {U}',
    "pods.pod_0.url = 'http://me@h'": 'pods.pod_0.url: is "http://me@h"; allowed: {U}',
    "pods.pod_0.url = 'http://'": 'pods.pod_0.url: is "http://"; allowed: {U}',
    "pods.pod_0.url = 'http://h:0'": 'pods.pod_0.url: is "http://h:0" (no such port); allowed: {U}',
    "pods.pod_0.url = 'http://[1]'": 'pods.pod_0.url: is "http://[1]" (At least 3 parts expected'
    " in '1'); allowed: {U}",
    "pods.pod_0.latest = 'no'": 'pods.pod_0.latest: is "no"; allowed: true or false',
    "pods.pod_0.endpoint = 'tcp:h'": 'pods.pod_0.endpoint: is "tcp:h" (an argument is missing,'
    " unknown or too much); allowed: a Twisted client endpoint such as unix:/run/app.sock",
    "pods.pod_0.ca_file = 1": "pods.pod_0.ca_file: is 1; allowed: a file",
    "pods.pod_0 = {url = 'https://h', ca_file = 'none.pem'}": "pods.pod_0.ca_file: cannot be used:"
    " [Errno 2] No such file or directory; allowed: certificates in PEM format",
    "pods.pod_0.latest = true\npods.b = {url = 'http://h', latest = true}": "pods.b.latest: another"
    " pod is the latest; allowed: at most one such pod",
    "strategy = []": "strategy: is an empty list; allowed: a table",
    "strategies = 1": "strategies: is 1; allowed: tables [strategies.NAME]",
    "strategies.bounce = {}": "strategies.bounce: is the router's own strategy; allowed: its"
    " options in [strategy]",
    "strategies.learn = {}": "strategies.learn: no rule names this strategy; allowed: a strategy"
    " that [[rules]] name",
    "strategies.learn = 1\nrules = [{path = '/', strategy = 'learn'}]": "strategies.learn: is 1;"
    " allowed: a table",
    "rules = {}": "rules: is a table; allowed: a list of any number of: a table",
    "rules = [1]": "rules[1]: is 1; allowed: a table",
    "rules = [{pod = 'pod_0'}]": "rules[1]: path and exact are both missing; allowed: exactly one"
    " of path, exact",
    "rules = [{path = '/', exact = '/', pod = 'pod_0'}]": "rules[1]: path and exact are both there;"
    " allowed: exactly one of path, exact",
    "rules = [{path = '/'}]": "rules[1]: pod and strategy are both missing; allowed: exactly one of"
    " pod, strategy",
    "rules = [{path = '/', pod = 'pod_0', strategy = 'learn'}]": "rules[1]: pod and strategy are"
    " both there; allowed: exactly one of pod, strategy",
    "rules = [{path = 'a', pod = 'pod_0'}]": 'rules[1].path: is "a"; allowed: {P}',
    "rules = [{exact = '/a?b', pod = 'pod_0'}]": 'rules[1].exact: is "/a?b"; allowed: {P}',
    "rules = [{path = '/ü', pod = 'pod_0'}]": 'rules[1].path: is "/\\u00fc"; allowed: {P}',
    "rules = [{path = '/', pod = 'pod_1'}]": 'rules[1].pod: is "pod_1" (no such pod, nearest is'
    " pod_0); allowed: the name of a pod of this file",
    "rules = [{path = '/', strategy = 'lern'}]": 'rules[1].strategy: no plugin "lern" is installed,'
    " nearest is learn; allowed: bounce, learn",
    "rules = [{path = '/', pod = 'pod_0', methods = ['get']}]": 'rules[1].methods[1]: is "get";'
    " allowed: a method in capitals, such as GET",
    "rules = [{path = '/', pod = 'pod_0', methods = []}]": "rules[1].methods: is an empty list;"
    " allowed: a list of one or more of: a method in capitals, such as GET",
    "cache.max_entries = 0": "cache.max_entries: is 0; allowed: a whole number, 1 to 1_000_000_000",
    "cache.ttl_seconds = -1": "cache.ttl_seconds: is -1; allowed: a number of seconds, 0.01 to"
    " 31_536_000",
    "cookie.name = 'a=b'": 'cookie.name: is "a=b"; allowed: {N}',
    "cookie.max_bytes = 4097": "cookie.max_bytes: is 4097; allowed: a whole number, 64 to 4_096",
    "not_found.delay = 'of'": 'not_found.delay: no plugin "of" is installed, nearest is off;'
    " allowed: off, padded, random",
    "not_found = 1": "not_found: is 1; allowed: a table",
    "body.memory_bytes = '64k'": 'body.memory_bytes: is "64k"; allowed: a whole number, 0 to'
    " 1_073_741_824",
    "limits.body_bytes = -1": "limits.body_bytes: is -1; allowed: a whole number, 0 to"
    " 1_125_899_906_842_624",
    f"limits.body_bytes = 0x{'f' * 5000}": "limits.body_bytes: is a number far too large; allowed:"
    " a whole number, 0 to 1_125_899_906_842_624",
    "timeouts.connect = 0": "timeouts.connect: is 0; allowed: {T}",
    "timeouts.connect = nan": "timeouts.connect: is nan; allowed: {T}",
    "timeouts.connect = inf": "timeouts.connect: is inf; allowed: {T}",
    "timeouts.connect = 2026-01-01": "timeouts.connect: is 2026-01-01; allowed: {T}",
    "timeouts.continue_ = 1": "timeouts.continue_: unknown key, nearest is continue; allowed:"
    " client_headers, client_idle, connect, continue, idle, linger, pod_idle, queue,"
    " response_head, shutdown",
    "log.format = 'jsn'": 'log.format: is "jsn" (nearest is json); allowed: json, text',
    "log.access = false": 'log.access: is false; allowed: a file; "-": standard output, "": none',
    "health.path = 'ready'": 'health.path: is "ready"; allowed: {P}',
    "health.interval = 5": "health.interval: unknown key, nearest is interval_seconds; allowed:"
    " healthy_after, interval_seconds, path, timeout_seconds, unhealthy_after",
    "admin.listen = 'tcp'": 'admin.listen: is "tcp" (an argument is missing, unknown or too much);'
    " allowed: {S}",
    f"router.data_dir = ['{'x' * 99}']": "router.data_dir: is a list; allowed: a folder",
    f"log.format = '{'x' * 99}'": f'log.format: is "{"x" * 59}... (nearest is text); allowed: json,'
    " text",
}
ALLOWED = {
    "{S}": "a Twisted server endpoint such as tcp:8080:interface=127.0.0.1",
    "{N}": "1 to 63 letters, digits, _, ., -",
    "{H}": "letters, digits and -, with a - at the end",
    "{U}": "a URL of http or https, a host, perhaps a port, and nothing more",
    "{P}": "a path that begins with /, percent-encoded as in a request, without query",
    "{T}": "a number of seconds, 0.01 to 86_400",
}


class BadTests(SynchronousTestCase):
    """Each fault is told on one line: file, key, what is wrong, what is allowed."""

    def lines(self, change: str) -> list[str]:
        return list(map(str, self.assertRaises(ConfigurationError, config, change).faults))

    def test_table(self) -> None:
        expected = dict(BAD)
        for short, allowed in ALLOWED.items():
            expected = {change: line.replace(short, allowed) for change, line in expected.items()}
        for change, line in expected.items():
            self.assertEqual(self.lines(change), [f"router.toml: {line}"], change)

    def test_unknown_kind_of_endpoint(self) -> None:
        (line,) = self.lines("router.listen = ['tpc:80']")
        self.assertIn('router.listen[1]: is "tpc:80" (no such kind, nearest is tcp of ', line)

    def test_empty(self) -> None:
        error = self.assertRaises(ConfigurationError, from_mapping, {}, "r.toml", "/")
        missing = [
            f"r.toml: {key}: is missing" for key in ("router.listen", "router.strategy", "pods")
        ]
        self.assertEqual([str(fault).split(";")[0] for fault in error.faults], missing)

    def test_ten_faults_are_ten_lines(self) -> None:
        change = """
            admin.listen = "tcp:x"
            body.memory_bytes = true
            cache.entries = 5
            limits = { url_bytes = 1, body_bytes = "none" }
            log.format = "xml"
            not_found.delay = "later"
            pods.pod_0.url = "pod"
            rules = [{ path = "/", pod = "nobody" }, { path = "x", pod = "pod_0" }]
        """
        self.assertEqual(
            [line.split(": ")[1] for line in self.lines(change)],
            [
                *("pods.pod_0.url", "rules[1].pod", "rules[2].path", "cache.entries"),
                *("not_found.delay", "body.memory_bytes", "limits.url_bytes"),
                *("limits.body_bytes", "log.format", "admin.listen"),
            ],
        )

    def test_what_could_not_be_read_does_not_hide_other_faults(self) -> None:
        table = merged(tomllib.loads(MINIMAL), tomllib.loads("router.workers = 0\nlimits = 1"))
        found, faults = examine(table, "r.toml", "/")
        self.assertEqual([fault.key for fault in faults], ["router.workers", "limits"])
        self.assertEqual((found.router.strategy, found.limits.url_bytes), ("bounce", 16_384))

    def test_what_could_not_be_read_is_left_out_of_lists(self) -> None:
        table = merged(tomllib.loads(MINIMAL), {"router": {"listen": [5, "tcp:80"]}})
        self.assertEqual(examine(table, "r.toml", "/")[0].router.listen, ("tcp:80",))

    def test_a_key_with_a_line_break_stays_on_one_line(self) -> None:
        (line,) = self.lines('"a\\nb" = 1')
        self.assertIn('router.toml: "a\\nb": unknown key', line)
