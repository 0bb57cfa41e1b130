-- Orders, one a request, spread over all members.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

function request()
  return wrk.format("POST", "/v1/orders", shop.headers, shop.order())
end
