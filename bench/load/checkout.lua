-- Pairs: a reservation of points, then its capture.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

local held = {} -- reservations whose capture was not sent yet

function request()
  local reservation = table.remove(held, 1)
  if reservation then
    shop.headers["Idempotency-Key"] = nil
    local body = string.format('{"order_id":"%s"}', shop.unique())
    return wrk.format("POST", "/v1/reservations/" .. reservation .. "/capture", shop.headers, body)
  end
  shop.headers["Idempotency-Key"] = shop.unique()
  local body = string.format(
    '{"member":"%s","points":100,"order":{"currency":"EUR","total":5000}}', shop.member())
  return wrk.format("POST", "/v1/reservations", shop.headers, body)
end

function response(status, headers, body)
  if status == 201 then
    held[#held + 1] = body:match('"id":"(rsv_[^"]+)"')
  end
end
