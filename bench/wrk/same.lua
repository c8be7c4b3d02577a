-- Calls one tool with the same arguments again and again: hits of the cache, or one shared call.
--   wrk -t1 -c32 -d10s --latency -s bench/wrk/same.lua http://127.0.0.1:8000/mcp/everything/echo -- '{"message":"hi"}'
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "summary.lua")

function init(args)
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("MCPO_AUTHORIZATION") }
  call = wrk.format("POST", wrk.path, headers, args[1] or "{}")
end

function request()
  return call
end
