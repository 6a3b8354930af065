// The budget tree: bytes accounted against named limits, from the process down to one query.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace base {

// A node of the tree. Reserving charges this node and every ancestor, or none of them.
//   threads   any; lock-free
//   lifetime  a parent outlives its children; a Budget is destroyed with nothing reserved (CHECKed)
class Budget {
  public:
    static constexpr int64_t kUnlimited = INT64_MAX;

    // A root. The name appears in errors: "memory limit \"storage.memory-limit\" reached".
    explicit Budget(std::string name, int64_t limit_bytes = kUnlimited);
    Budget(std::string name, Budget& parent, int64_t limit_bytes = kUnlimited);
    ~Budget();
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Charges `bytes` (>= 0). errors  kLimit, naming the node that is full; then nothing is
    // charged.
    [[nodiscard]] Status reserve(int64_t bytes);
    // Charges without asking: for memory that is there already. May exceed the limit.
    void charge(int64_t bytes);
    // Gives back what was reserved or charged.
    void release(int64_t bytes);

    [[nodiscard]] int64_t used() const { return used_.load(std::memory_order_relaxed); }

    [[nodiscard]] int64_t limit() const { return limit_.load(std::memory_order_relaxed); }

    void set_limit(int64_t limit_bytes) { limit_.store(limit_bytes, std::memory_order_relaxed); }

    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    std::string name_;
    Budget* parent_ = nullptr;
    std::atomic<int64_t> limit_;
    std::atomic<int64_t> used_{0};
};

// Bytes reserved for a scope; gives them back when it goes.
class Reservation {
  public:
    Reservation() = default;

    explicit Reservation(Budget& budget) : budget_(&budget) {}

    ~Reservation() { reset(); }

    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    // Reserves `bytes` more. errors  kLimit
    [[nodiscard]] Status grow(int64_t bytes);
    void shrink(int64_t bytes);
    void reset();

    [[nodiscard]] int64_t bytes() const { return bytes_; }

  private:
    Budget* budget_ = nullptr;
    int64_t bytes_ = 0;
};

}  // namespace base
