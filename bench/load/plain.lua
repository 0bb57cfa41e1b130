-- The floor: a GET that needs nothing but Flask.

local shop = dofile(os.getenv("BENCH_LOAD") .. "/shop.lua")
done = shop.done

function request()
  return wrk.format("GET", "/")
end
