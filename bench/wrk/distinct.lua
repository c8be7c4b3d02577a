-- Calls one tool with arguments that never repeat: each %d in them becomes the next number. Every call goes through.
--   wrk -t1 -c32 -d10s --latency -s bench/wrk/distinct.lua http://127.0.0.1:8000/mcp/everything/echo -- '{"message":"hi %d"}'
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "summary.lua")

local headers = { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("MCPO_AUTHORIZATION") }
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  arguments = args[1] or '{"message":"%d"}'
  -- Other runs and other threads have numbers of their own.
  number = (os.time() % 100000000) * 1000000 + id * 100000000000000
end

function request()
  number = number + 1
  return wrk.format("POST", nil, headers, (arguments:gsub("%%d", string.format("%d", number))))
end
