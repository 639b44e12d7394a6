"""Who held what when, and whether anything but the faults explains it. It knows kernels and the wire only."""
from .cluster import LEASE_S, NODE_NAMES, VIP_OF_ADDRESS, VIPS
from .faults import ABSENT_MARGIN_S, DEAFENING, STOPPING
from .spans import FOREVER, intersection, merged, total, without

SECOND = 1_000_000
HEARING_AGAIN = 1 * SECOND        # two that could not hear each other have sorted it out
PLANNED_OVERLAP = SECOND // 2     # make before break: 2 ms by design, and the machine may stall
RECOVERY = 2 * SECOND             # sockets are opened again each second; checks rise
CLAIM_MARGIN = 3 * SECOND // 10   # between a packet and the note that the address was held
STALL_MARGIN = 1 * SECOND
ABSENCE_NOISE = SECOND // 5


class Judge:
    def __init__(self, cluster, record, findings, watch, wire):
        self.cluster, self.record, self.findings = cluster, record, findings
        self.watch, self.wire = watch, wire
        self.since, self.spans, self.claims = {}, {}, []
        self.moves, self.claims_seen, self.last_change = 0, 0, 0
        self.longest_overlap, self.longest_unheld, self.longest_planned = (0, ""), (0, ""), 0
        self.last_holder, self.announced, self.unheard = {}, {}, 0

    # --- what was seen ---

    def absorb(self):
        """Takes what the kernels have said since the last time."""
        events = self.watch.events
        taken = events[:]
        del events[:len(taken)]
        for at, node, address, held in taken:
            if address in VIP_OF_ADDRESS:
                self._note(at, node, address, held)

    def _note(self, at, node, address, held):
        key = node, address
        if held and key not in self.since:
            self.since[key] = at
            vip = VIP_OF_ADDRESS[address]
            if address == vip.addresses[0] and self.last_holder.get(vip.name) != node:
                self.last_holder[vip.name] = node
                self.moves += 1
        elif not held and key in self.since:
            self.spans.setdefault(key, []).append((self.since.pop(key), at))
        else:
            return
        self.last_change = at
        self.record.note(f"{node} {'has' if held else 'has no longer'} {address}", at)

    def held(self, node, address):
        open_since = self.since.get((node, address))
        return self.spans.get((node, address), []) + ([(open_since, FOREVER)] if open_since else [])

    def now_held(self, node):
        return {address for holder, address in self.since if holder == node}

    # --- what explains ---

    def _stalls(self):
        with self.record.lock:
            return [(begin, end + STALL_MARGIN) for begin, end in self.record.stalls]

    def _why_both(self, first, second):
        """(span, reason) during which both may have it."""
        pair, reasons = {first, second}, []
        for one in list(self.record.disturbances):
            ended = one.ended or FOREVER
            if one.node not in pair and one.peer not in pair:
                continue
            if one.kind in DEAFENING and (one.peer is None or pair == {one.node, one.peer}):
                reasons.append(((one.begun, ended + HEARING_AGAIN), str(one)))
            elif one.absent_from and one.node in pair:
                lease = one.absent_from + int(LEASE_S * SECOND)
                until = min(lease, ended) + int(ABSENT_MARGIN_S * SECOND)
                reasons.append(((one.absent_from, until), str(one)))
        return reasons + [(span, "the machine stalled") for span in self._stalls()]

    def _unwell(self, node, vip):
        """Spans during which nobody can expect this node to take the VIP."""
        spans = self._stalls()
        for one in list(self.record.disturbances):
            concerns = one.node == node or one.peer == node
            if concerns and (one.kind in DEAFENING or one.kind in STOPPING or one.kind in vip.health):
                spans.append((one.begun, (one.ended or FOREVER) + RECOVERY))
        return spans

    # --- the verdict ---

    def check(self, begin, end):
        """Everything between two quiet moments; then forgets it."""
        self.absorb()
        self.claims += self.wire.claims()
        for vip in VIPS:
            self._check_overlaps(vip, begin, end)
            self._check_unheld(vip, begin, end)
        self._check_absent(begin, end)
        self._check_claims()
        self._check_announced(begin, end)
        for key, spans in self.spans.items():
            self.spans[key] = [span for span in spans if span[1] > end - 5 * SECOND]
        self.record.forget_before(begin - 60 * SECOND)

    def _check_overlaps(self, vip, begin, end):
        for number, first in enumerate(NODE_NAMES):
            for second in NODE_NAMES[number + 1:]:
                both = []
                for address in vip.addresses:
                    both += intersection(self.held(first, address), self.held(second, address))
                both = intersection(both, [(begin, end)])
                reasons = self._why_both(first, second)
                for span in both:
                    self._judge_overlap(vip, first, second, span, reasons)

    def _judge_overlap(self, vip, first, second, span, reasons):
        why = sorted({reason for covered, reason in reasons if intersection([covered], [span])})
        length = span[1] - span[0]
        if length > self.longest_overlap[0]:
            reason = "; ".join(why) or "a planned move"
            self.longest_overlap = (length, f"{vip.name} on {first} and {second}: {reason}")
        if not why:
            self.longest_planned = max(self.longest_planned, length)
        for left in without([span], [covered for covered, _ in reasons]):
            if left[1] - left[0] > PLANNED_OVERLAP:
                self.findings.add(
                    f"{first} and {second} both held {vip.name} for {length / SECOND:.3f} s; "
                    f"{(left[1] - left[0]) / SECOND:.3f} s of it are explained by nothing", left[0])

    def _check_unheld(self, vip, begin, end):
        for address in vip.addresses:
            held = [span for node in NODE_NAMES for span in self.held(node, address)]
            unheld = without([(begin, end)], held)
            for span in unheld:
                if span[1] - span[0] > self.longest_unheld[0]:
                    self.longest_unheld = (span[1] - span[0], self._while(address, span))
            for node in NODE_NAMES:
                for left in without(unheld, self._unwell(node, vip)):
                    if left[1] - left[0] > vip.unheld_budget_s * SECOND:
                        length = (left[1] - left[0]) / SECOND
                        self.findings.add(f"nobody held {address} ({vip.name}) for {length:.3f} s although "
                                          f"{node} was well all the while", left[0])

    def _while(self, address, span):
        during = sorted({str(one) for one in self.record.disturbances
                         if one.begun < span[1] and (one.ended or FOREVER) > span[0] - SECOND})
        return f"{address}: {'; '.join(during) or 'no fault'}"

    def _check_absent(self, begin, end):
        for one in list(self.record.disturbances):
            if not one.absent_from:
                continue
            allowed = one.absent_from + one.absent_grace
            for address in VIP_OF_ADDRESS:
                gone = (allowed, min(one.absent_until or end, end))
                left = without(intersection(self.held(one.node, address), [gone]), self._stalls())
                if total(left) > ABSENCE_NOISE and merged(left)[-1][1] > begin:
                    grace, longer = one.absent_grace / SECOND, total(left) / SECOND
                    self.findings.add(f"{one.node} still had {address} {grace} s after its agent had gone "
                                      f"({one.kind}), for {longer:.3f} s", left[0][0])

    def _claimable(self, node, address):
        """When it held the address. The kernel tells of an IPv6 address some time after it was added, and of one that
        is removed before that not at all: there, those of IPv4 tell that are added with it."""
        spans = self.held(node, address)
        if ":" in address:
            for other in VIP_OF_ADDRESS[address].addresses:
                spans = spans + ([] if ":" in other else self.held(node, other))
        return spans

    def _check_claims(self):
        """Nobody says that an address is his who does not have it."""
        stalls = self._stalls()
        for claim in self.claims:
            self.claims_seen += 1
            node = self.cluster.node_of_mac(claim.mac)
            if claim.announcement:
                self.announced[claim.address] = node
            near = (claim.at - CLAIM_MARGIN, claim.at + CLAIM_MARGIN)
            if node and intersection(self._claimable(node, claim.address), [near]):
                continue
            if not intersection(stalls, [near]):
                self.findings.add(f"{claim.what} for {claim.address} from {claim.mac} ({node or 'unknown'}), "
                                  "which does not have it", claim.at)
        self.claims = []

    def _check_announced(self, begin, end):
        """The last announcement that everybody has heard is that of the holder."""
        for holder, address in self.since:
            alone = sum(address == other for _, other in self.since) == 1
            if not alone or self.announced.get(address) == holder:
                continue
            if any(one.kind in DEAFENING and holder in (one.node, one.peer) and
                   (one.ended or FOREVER) > begin for one in list(self.record.disturbances)):
                self.unheard += 1  # its announcement may have been lost, and nobody told it
            elif not intersection(self._stalls(), [(begin, end)]):
                last = self.announced.get(address, "nobody")
                self.findings.add(f"{holder} has {address}, and {last} was the last to announce it", end)

    def check_calm(self, begin, end):
        """No address changed between two moments, and who has one answers for it."""
        self.absorb()
        self.claims += self.wire.claims()
        if intersection(self._stalls(), [(begin, end)]):
            return
        for (node, address), spans in self.spans.items():
            if any(begin < moment < end for span in spans for moment in span):
                self.findings.add(f"{address} changed on {node} in the quiet phase", begin)
        for (node, address), since in self.since.items():
            if begin < since < end:
                self.findings.add(f"{node} took {address} in the quiet phase", since)
        for address in VIP_OF_ADDRESS:
            if not any(claim.address == address and begin < claim.at < end for claim in self.claims):
                self.findings.add(f"nobody answered for {address} in the quiet phase", begin)

    def check_watch(self):
        """The notes of the watch are what the kernels say when they are asked."""
        for name, node in self.cluster.nodes.items():
            if (noted := self.now_held(name)) != (held := node.held()):
                self.findings.add(f"{name} has {sorted(held)} by its kernel, {sorted(noted)} by its messages")
