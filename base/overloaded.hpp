// std::visit with one lambda per alternative.
#pragma once

namespace understudy {

template <class... Lambdas>
struct Overloaded : Lambdas... {
    using Lambdas::operator()...;
};

}  // namespace understudy
