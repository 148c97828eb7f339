-- A different request each time, and a count of answers that no contract allows.
local allowed = { [200] = true, [502] = true, [503] = true, [504] = true }
local threads = {}
local number = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  wrong = 0
end

function request()
  number = number + 1
  return wrk.format("GET", "/tenant" .. number % 20 .. "/hit", { ["X-Request-Id"] = "wrk-" .. number })
end

function response(status, headers, body)
  local another = status == 200 and not string.find(body, " wrk-", 1, true)
  if another or not allowed[status] then
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local sum = 0
  for _, thread in ipairs(threads) do
    sum = sum + thread:get("wrong")
  end
  io.write("wrong answers: ", sum, "\n")
end
