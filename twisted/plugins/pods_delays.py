"""The policies for delaying 404s that come with the router."""

from pods.lazy import LazyDelay

padded = LazyDelay("padded", "pods.delays.padded")
random = LazyDelay("random", "pods.delays.random")
off = LazyDelay("off", "pods.delays.off")
