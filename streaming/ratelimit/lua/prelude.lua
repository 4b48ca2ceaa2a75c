-- Exact arithmetic on numbers that are whole and below 2^53, and the server's clock in microseconds.
-- An amount is a pair: whole units, and parts of one (millionths, or the grains of a bucket). What is told and what is
-- kept are doubles, packed: eight bytes a number, read and written at once.
local fmod, format, call = math.fmod, string.format, redis.call
local pack, unpack_numbers = struct.pack, struct.unpack
local EXACT, NEVER = 9007199254740992, -1

-- floor(a * b / c) and the remainder; a, b, c whole, c at most 2^52, the result below 2^53.
local function muldiv(a, b, c)
  local product = a * b
  if product < EXACT then
    local rest = fmod(product, c)
    return (product - rest) / c, rest
  end
  local rest_a = fmod(a, c)
  local whole, quotient, rest, bit = (a - rest_a) / c * b, 0, 0, 4503599627370496
  while bit > b do bit = bit / 2 end
  while bit >= 1 do
    quotient, rest = quotient * 2, rest * 2
    if rest >= c then quotient, rest = quotient + 1, rest - c end
    if b >= bit then
      b, rest = b - bit, rest + rest_a
      if rest >= c then quotient, rest = quotient + 1, rest - c end
    end
    bit = bit / 2
  end
  return whole + quotient, rest
end

local function ceildiv(a, b)
  local rest = fmod(a, b)
  if rest > 0 then return (a - rest) / b + 1 end
  return (a - rest) / b
end

local function add(units, parts, more_units, more_parts, per_unit)
  parts = parts + more_parts
  if parts >= per_unit then return units + more_units + 1, parts - per_unit end
  return units + more_units, parts
end

-- The first amount less the second, which is not larger.
local function less(units, parts, less_units, less_parts, per_unit)
  if parts < less_parts then return units - less_units - 1, parts + per_unit - less_parts end
  return units - less_units, parts - less_parts
end

local function larger(units, parts, than_units, than_parts)
  return units > than_units or (units == than_units and parts > than_parts)
end

local function server_us()
  local now = call('TIME')
  return now[1] * 1000000 + now[2]
end

-- Keep a text until it carries no more information; at that moment it is as if it had never been.
local function keep(key, text, now, until_us)
  if until_us > now then
    call('SET', key, text, 'PXAT', format('%d', ceildiv(until_us, 1000)))
  else
    call('DEL', key)
  end
end
