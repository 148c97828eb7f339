-- Gives every request a path of its own, below the path that wrk was given.
local count = 0
local before, after

function init(args)
  before, after = wrk.path:match("^(.*)/([^/]+)$")
  wrk.headers["Host"] = wrk.headers["Host"] or (wrk.host .. ":" .. wrk.port)
  count = os.time() % 1000000 * 1000000
end

function request()
  count = count + 1
  return wrk.format(nil, string.format("%s/%.0f/%s", before, count, after))
end
