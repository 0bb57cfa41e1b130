-- What all load scripts share: the headers, made-up orders, and the figures at the end.

local shop = {}

local run = os.getenv("BENCH_RUN") -- different in each run: makes ids unique
local members = tonumber(os.getenv("BENCH_MEMBERS"))
local placed_at = os.getenv("BENCH_NOW")
local count = 0

math.randomseed(tonumber(os.getenv("BENCH_SEED")))

shop.headers = {
  ["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY"),
  ["Content-Type"] = "application/json",
}

function shop.unique()
  count = count + 1
  return run .. "-" .. count
end

function shop.member()
  return "m-" .. math.random(members)
end

-- An order of two lines, mostly between 10 and 120 euros, now and then much more.
function shop.order(reservation)
  local amount = math.random(500, 6000)
  if math.random(20) == 1 then amount = amount * 10 end
  local more = math.random(500, 6000)
  local total = amount + more + 490
  return string.format(
    '{"id":"%s","member":{"external_id":"%s"},"placed_at":"%s","currency":"EUR",'
      .. '"total":%d,"tax":%d,"shipping":490,"lines":['
      .. '{"id":"1","sku":"TEA-1","category":"tea","quantity":2,"amount":%d},'
      .. '{"id":"2","sku":"CUP-7","category":"cups","quantity":1,"amount":%d}],'
      .. '"channel":"web","country":"DE"}',
    shop.unique(), shop.member(), placed_at, total, math.floor(total * 0.16), amount, more)
end

-- wrk calls `done` once, at the end. Python reads the line.
function shop.done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    "measured requests=%d seconds=%.6f p50_ms=%.4f p99_ms=%.4f refused=%d broken=%d",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end

return shop
