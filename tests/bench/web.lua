-- What wrk asks for: arguments are what ("page", "login", "file"), the path, cookies, the form token, and
-- how many customers there are. Each request comes from another address, as behind a proxy.
local what, path, cookie, token, customers
local next_customer = 0
local thread_count = 0

function setup(thread)
  thread:set("thread_number", thread_count)
  thread_count = thread_count + 1
end

function init(args)
  what, path, cookie, token, customers = args[1], args[2], args[3], args[4], tonumber(args[5])
  next_customer = thread_number * 997
end

local function address()
  return string.format("10.%d.%d.%d", math.random(0, 255), math.random(0, 255), math.random(1, 254))
end

function request()
  local headers = { ["X-Forwarded-For"] = address(), ["Cookie"] = cookie }
  if what ~= "login" then
    return wrk.format("GET", path, headers)
  end
  next_customer = next_customer % customers + 1
  headers["Content-Type"] = "application/x-www-form-urlencoded"
  return wrk.format("POST", path, headers,
    string.format("mail=c-%04d%%40example.org&password=Kennwort-%06d&token=%s", next_customer, next_customer, token))
end

-- A login that isn't answered with a redirect to the account has failed.
local expected = { page = 200, file = 200, auth = 200, login = 303 }
function response(status, headers, body)
  if status ~= expected[what] then
    io.stderr:write(string.format("unexpected status %d\n", status))
    os.exit(1)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %.6f %.3f %.3f %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
