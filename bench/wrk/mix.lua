-- Calls one tool so that of each hundred calls so many repeat one of a hundred earlier ones, and the rest are new:
--   wrk -t1 -c32 -d10s --latency -s bench/wrk/mix.lua http://127.0.0.1:8000/mcp/docs/search -- '{"query":"%d"}' 90
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "summary.lua")

local headers = { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("MCPO_AUTHORIZATION") }
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  arguments = args[1] or '{"message":"%d"}'
  repeated = tonumber(args[2] or "90")
  number = (os.time() % 100000000) * 1000000 + id * 100000000000000
  turn = 0
  hits = 0
end

function request()
  turn = turn + 1
  local argument
  -- 37 and 100 have no divisor in common: the repeated and the new calls are spread evenly.
  if (turn * 37) % 100 < repeated then
    hits = hits + 1
    argument = hits % 100
  else
    number = number + 1
    argument = number
  end
  return wrk.format("POST", nil, headers, (arguments:gsub("%%d", string.format("%d", argument))))
end
