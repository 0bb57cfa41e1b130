-- Balance reads, spread over all members.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

function request()
  return wrk.format("GET", "/v1/members/" .. shop.member() .. "/balance", shop.headers)
end
