-- Gestures of five agents for two reasons, each to some member.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

local agents = {"kim", "lee", "sam", "alex", "robin"}
local reasons = {"late", "broken"}

function request()
  shop.headers["Idempotency-Key"] = shop.unique()
  local body = string.format(
    '{"member":"%s","type":"recovery","reason":"%s","agent":"%s",'
      .. '"give":{"kind":"points","points":%d}}',
    shop.member(), reasons[math.random(2)], agents[math.random(5)], math.random(100, 1000))
  return wrk.format("POST", "/v1/gestures", shop.headers, body)
end
