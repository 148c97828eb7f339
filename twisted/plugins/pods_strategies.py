"""The routing strategies that come with the router."""

from pods.lazy import LazyStrategy

bounce = LazyStrategy("bounce", "pods.strategies.bounce")
learn = LazyStrategy("learn", "pods.strategies.learn")
