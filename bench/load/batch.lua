-- Batches of 500 orders.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

function request()
  local orders = {}
  for n = 1, 500 do orders[n] = shop.order() end
  local body = '{"orders":[' .. table.concat(orders, ",") .. "]}"
  return wrk.format("POST", "/v1/orders/batch", shop.headers, body)
end
