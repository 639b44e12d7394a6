// Advertisements that must not leave yet, because what they say is not so yet (vrrp::After).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/core/action.hpp"
#include "base/time.hpp"

namespace understudy::host {

class HeldAdverts {
public:
    using Batch = std::uint64_t;
    // Of the first advertisement after a claim against nobody. Standbys whose time is over claim
    // as well if they hear nothing, and there is nobody else who would have to let go.
    static constexpr Duration longest_claim_wait = std::chrono::milliseconds{5};

    // True: it is held, until `batch` (0: none) is done, the last change of addresses so far. Also
    // if one of the same router is.
    bool hold(TimePoint now, const core::SendAdvert& advert, std::span<const std::byte> payload,
              Batch batch);
    // It is done, and all before it; `claims`: an address was added.
    void done(TimePoint now, Batch batch, bool claims);

    // What may leave by now, in order.
    template <class Send>
    void release(TimePoint now, Send&& send) {
        std::vector<Held> still;
        for (Held& held : held_) {
            const bool blocked = std::ranges::any_of(
                still, [&](const Held& one) { return is_same_router(one.advert, held.advert); });
            if (blocked || !may_leave(now, held)) {
                still.push_back(std::move(held));
            } else {
                send(held.advert, std::span<const std::byte>{held.payload});
            }
        }
        held_ = std::move(still);
    }
    bool is_empty() const { return held_.empty(); }
    std::optional<TimePoint> next_deadline() const;

private:
    struct Held {
        core::SendAdvert advert;
        std::vector<std::byte> payload;
        Batch batch = 0;                      // 0: done
        TimePoint not_before{};               // once that is done
        std::optional<TimePoint> not_beyond;  // whether it is done or not
    };

    static bool is_same_router(const core::SendAdvert& a, const core::SendAdvert& b);
    static bool may_leave(TimePoint now, const Held& held);

    std::vector<Held> held_;
    TimePoint claimed_{};  // when an address was added last
};

}  // namespace understudy::host
