-- Every connection thinks for a while before each request: between 0 and twice THINK_MS.
local twice = 2 * tonumber(os.getenv("THINK_MS"))

function init(args)
  math.randomseed(os.time())
end

function delay()
  return math.floor(math.random() * twice + 0.5)
end
