-- SPDX-License-Identifier: BSD-3-Clause
-- Throughput by RFC 2544, 26.1, with Pktgen-DPDK: the highest rate without loss, by bisection. The
-- packets are those of the capture files it was started with (-s); README.md has the command.
-- Not run by the tests.
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;"
require "Pktgen"

local into = os.getenv("NAVE_INTO") or "0" -- port the packets go out of, towards the hub
local back = os.getenv("NAVE_BACK") or "1" -- port they come back to; hairpin: the same
local seconds = tonumber(os.getenv("NAVE_SECONDS") or "60")
local allowed = tonumber(os.getenv("NAVE_LOSS") or "0") -- part that may be lost
local resolution = 0.1 -- percent of the line rate
local settle_ms = 2000 -- RFC 2544, 23: the last packets arrive

local function stats()
	local sent = pktgen.portStats(into, "port")[tonumber(into)].opackets
	local got = pktgen.portStats(back, "port")[tonumber(back)].ipackets
	return sent, got
end

local function trial(percent)
	pktgen.set(into, "rate", percent)
	pktgen.clr()
	pktgen.delay(1000)
	local sent_before, got_before = stats()
	pktgen.start(into)
	pktgen.delay(seconds * 1000)
	pktgen.stop(into)
	pktgen.delay(settle_ms)
	local sent, got = stats()
	sent, got = sent - sent_before, got - got_before
	if sent == 0 then
		return 1, 0
	end
	return (sent - got) / sent, got / seconds
end

local low, high, best = 0, 100, 0
local loss, pps = trial(100)
if loss <= allowed then
	low, best = 100, pps
end
while low < 100 and high - low > resolution do
	local middle = (low + high) / 2
	loss, pps = trial(middle)
	printf("%.2f %% of the line: %.3f Mpps, loss %.4f %%\n", middle, pps / 1e6, loss * 100)
	if loss <= allowed then
		low, best = middle, pps
	else
		high = middle
	end
end
printf("throughput: %.2f %% of the line, %.3f Mpps\n", low, best / 1e6)
