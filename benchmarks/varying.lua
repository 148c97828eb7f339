-- Gives every request a header section of its own, as a proxy in front does that notes the time.
local count = 0

function request()
  count = count + 1
  wrk.headers["X-Request-Start"] = string.format("t=%.0f", count)
  return wrk.format()
end
