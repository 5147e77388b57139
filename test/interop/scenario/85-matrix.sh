# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Every peer with every way to prove itself, suite, mode, NAT, and begun by either side: the cells of
# matrix_cells.py, a pairwise cover unless MATRIX says full or random:N:SEED; CELLS=PATTERN: those of
# them it is found in. In a cell a spoke comes up, a hundred pings a second go through its tunnel while
# both sides, first the one that began, make new keys for both SAs, none is lost, and both ends name
# the suites of the cell. Two spokes take cells side by side: five minutes for the cover on two busy
# cores, four hours for all.

# A spoke behind the NAT can be dialled here.
s1_forwarded=192.0.2.211 s2_forwarded=192.0.2.212

scenario_matrix()
{
	matrix_run "${MATRIX-}"
}

# A few cells with the programs of Debian 13; all of them by NAVE_GUESTS=trixie and scenario matrix.
scenario_matrix-trixie()
{
	local bookworm=$guest_root guest_root
	local -x NAVE_GUESTS=trixie

	check "Debian 13 for guests is there" guest_release
	check "two guests of Debian 13 boot" guests_anew
	matrix_run each
	guest_root=$bookworm
	check "two guests as before boot" guests_anew
}

guest_release() # NAVE_GUESTS
{
	guest_root=$("$interop/guest-root")
}

guests_anew()
{
	guest_stop s1
	guest_stop s2
	guests_boot s1 s2
}

matrix_run() # WHICH: as matrix_cells.py names them; none: the cover
{
	local queue=$lab_dir/matrix/queue line cells=() results=() start=$SECONDS

	mkdir -p "$lab_dir/matrix" "$lab_log/cells"
	"$interop/matrix_cells.py" ${1:+"--$1"} | grep -E "${CELLS:-.}" >"$queue"
	mapfile -t cells <"$queue"
	matrix_pki
	check "IKE with two addresses of the NAT goes to the spokes behind it" together \
		"nat_forward nat $s1_forwarded 10.99.0.11" "nat_forward nat $s2_forwarded 10.99.0.12"
	check "naved starts, all is welcome" hub_restart redirect=false \
		"profile=$(hub_pki 'local_identity: hub.example.org, sha1_signatures: true' any "$lab_dir/matrix/ca.pem")"
	echo "# ${#cells[@]} cells: peer, auth, IKE suite, ESP suite, mode, begun by, NAT"
	while read -r line; do
		matrix_result "$line"
	done < <(together "matrix_work s1" "matrix_work s2")
	check "every cell was tried" test ${#results[@]} = ${#cells[@]}
	printf '# %s\n' "$(matrix_row peer auth IKE ESP mode by NAT result lost s)"
	printf '# %s\n' "${results[@]}" | sort
	echo "# ${#results[@]} cells in $((SECONDS - start)) s; left out:"
	"$interop/matrix_cells.py" --why | sed 's/^/#   /'
}

# Certificates of the two spokes, all of one identity, from a CA of their own; that of the hub is
# the unit tests'.
matrix_pki()
{
	local dir=$lab_dir/matrix name kind
	local ca=(-x509 -days 30 -nodes -sha256)
	local p256=(-newkey ec -pkeyopt ec_paramgen_curve:P-256) rsa=(-newkey rsa:2048)

	openssl req "${ca[@]}" "${p256[@]}" -subj "/O=Nave Test/CN=Lab CA" -keyout "$dir/ca.key" -out "$dir/ca.pem" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
	for name in s1 s2; do
		for kind in p256 rsa; do
			declare -n key=$kind
			openssl req "${ca[@]}" "${key[@]}" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
				-subj "/O=Nave Test/CN=$name" -addext "subjectAltName=DNS:$name.example" \
				-addext basicConstraints=critical,CA:FALSE \
				-addext keyUsage=critical,digitalSignature \
				-keyout "$(guest_dir $name)/lab-$kind.key" -out "$(guest_dir $name)/lab-$kind.pem"
		done
		cp "$vectors/root.pem" "$(guest_dir $name)/root.pem"
		cp "$dir/ca.pem" "$(guest_dir $name)/sub.pem"
	done 2>"$dir/openssl.log"
}

# matrix_work NAME: cells until none is left, a line for each as it is done:
# "EXIT-CODE TIME LOST CELL"
matrix_work()
{
	local name=$1 cell start rc lost where=""
	while cell=$(queue_take "$lab_dir/matrix/queue"); do
		start=$EPOCHREALTIME
		rc=0
		# shellcheck disable=SC2086
		cell_run "$name" $cell >"$(cell_log "$cell")" 2>&1 || rc=1
		where=${cell##* }
		lost=$(sed -nE 's/.*, ([0-9]+) lost$/\1/p' "$(cell_log "$cell")")
		echo "$rc $(seconds_since "$start") ${lost:--} $cell"
	done
}

cell_log() # CELL
{
	echo "$lab_log/cells/${1// /_}.log"
}

matrix_result() # LINE of matrix_work: a TAP line, a row of the table
{
	local rc time_s lost cell word=ok
	read -r rc time_s lost cell <<<"$1"
	[ "$rc" = 0 ] || word=FAILED
	cp "$(cell_log "$cell")" "$lab_dir/check.out"
	result "$rc" "$cell ($time_s s)"
	# shellcheck disable=SC2086
	results+=("$(matrix_row $cell $word "$lost" "$time_s")")
}

matrix_row()
{
	printf '%-10s %-13s %-34s %-27s %-9s %-5s %-6s %-6s %4s %5s' "$@"
}

# cell_run NAME PEER AUTH IKE ESP MODE BY NAT: ends with the first step that fails, and what is to see.
# $where is how the last cell left the spoke.
cell_run()
{
	local name=$1 peer=$2 auth=$3 ike=$4 esp=$5 mode=$6 by=$7 nat=$8 id=$1.example
	local lan=${1}_lan
	local rekeys="cell_rekey_child cell_rekey_ike cell_rekey_both" begin=cell_wait
	local step start
	[ "$by" = hub ] && begin=cell_begin rekeys="cell_rekey_both cell_rekey_child cell_rekey_ike"
	[ "$peer" = openiked ] && rekeys=cell_rekey_both # it has no command for one

	for step in cell_configure $begin cell_register "wait_until 40 spoke_ping $name $lan_host -I ${!lan}" \
		"guest_run $name bash /nave/traffic start ${!lan} $lan_host" \
		$rekeys "guest_run $name bash /nave/traffic end" \
		cell_hub_agrees "spoke_suites $name $ike $esp"; do
		start=$EPOCHREALTIME
		$step && echo "$(seconds_since "$start") s: $step" && continue
		echo "failed: $step"
		hub_ctl show ike "$id"
		guest_run "$name" bash /nave/spoke-state
		return 1
	done
}

# Between cells only the IKE daemon starts anew, unless the spoke moves behind the NAT.
cell_configure()
{
	local options=(peer="$peer" ike="$ike" esp="$esp" mode="$mode" hub_id=hub.example.org phase=1 holdtime=600 by="$by"
		vici=/run/cells.vici) # nhrpd outlives a charon, and ends the IKE SA of the next one
	case $auth in
	ecdsa-*) options+=(protect=cert cert=lab-p256) ;;
	rsa-*-sha1) options+=(protect=cert cert=lab-rsa sigauth=no) ;;
	rsa-*) options+=(protect=cert cert=lab-rsa) ;;
	esac
	[ "$nat" = nat ] && options+=(wan="10.99.0.1${name#s}/24" gw=10.99.0.1)
	if [ "$nat" = "$where" ]; then
		options+=(only=ike)
	else
		guest_net "$name" "${nat/direct/wan}"
	fi
	guest_run "$name" bash /nave/spoke-down --ike
	hub_ctl clear ike "$id" # not all daemons say goodbye
	"${name}_configure" "${options[@]}"
}

# The spoke dials, strongSwan when it has something to send.
cell_wait()
{
	[ "$peer" != strongswan ] || guest_run "$name" "ping -n -q -c 1 -W 0.2 -I ${!lan} $lan_host"
	wait_until 40 cell_sas
}

# The hub dials; again when it has to, for OpenIKED answers while it starts and forgets it then.
cell_begin()
{
	local to=${name}_wan how=() try
	[ "$nat" = nat ] && to=${name}_forwarded
	[ "$auth" = psk ] && how+=(psk)
	[ "$mode" = tunnel ] && how+=(tunnel)
	for try in 1 2 3; do
		hub_ctl initiate spoke "${how[@]}" "${!to}" && wait_until 10 cell_sas && return
	done
	return 1
}

# nhrpd does not see when there is a new SA: told anew of its NHS it registers now, not minutes later.
cell_register()
{
	local tunnel=${name}_tunnel
	hub_spoke "${!tunnel}" '.state == "forwarding"' ||
		guest_run "$name" "vtysh -d nhrpd -c 'configure terminal' -c 'interface gre1' \
			-c 'no ip nhrp nhs dynamic nbma $hub_wan' -c 'ip nhrp nhs dynamic nbma $hub_wan'"
}

# cell_sas: SPIs of IKE and child SA, if there is one of each
cell_sas()
{
	hub_ctl show ike --json | jq -er "map(select(.identity == \"$id\")) |
		select(length == 1 and (.[0].children | length == 1)) |
		\"\(.[0].spi_i) \(.[0].children[0].spi_in)\""
}

# cell_renewed IKE-SPI CHILD-SPI: one of each, and not these ("-": this one may be any)
cell_renewed()
{
	local ike_spi child_spi
	read -r ike_spi child_spi < <(cell_sas) && [ "$ike_spi" != "$1" ] && [ "$child_spi" != "$2" ]
}

cell_rekey_child()
{
	local now
	now=$(cell_sas) && spoke_rekey "$name" child && wait_until 20 cell_renewed - "${now#* }"
}

cell_rekey_ike()
{
	local now
	now=$(cell_sas) && spoke_rekey "$name" ike && wait_until 20 cell_renewed "${now% *}" -
}

cell_rekey_both()
{
	local now
	now=$(cell_sas) && hub_ctl rekey spoke "$id" && wait_until 20 cell_renewed $now
}

cell_hub_agrees()
{
	local proof group suite
	group=$(grep -oE '(modp|ecp|curve)[0-9]+' <<<"$esp")
	suite=${esp/${group:+"-$group"}/} # PFS is told apart
	case $auth in
	psk) proof='^psk$' ;;
	ecdsa-*) proof='^ecdsa-' ;;
	rsa-*-sha1) proof='^rsa-pkcs1-sha1 \\(method 1\\)$' ;;
	rsa-*) proof='^rsa-.*-sha(256|384|512)$' ;;
	esac
	hub_ike "$id" ".suite == \"$ike\" and (.auth | test(\"$proof\")) and
		(.nat_remote == (\"$nat\" == \"nat\")) and (.children | length == 1) and
		(.children[0] | .suite == \"$suite\" and .pfs == \"$group\" and
			.mode == \"$mode\" and .udp == (\"$nat\" == \"nat\"))"
}
