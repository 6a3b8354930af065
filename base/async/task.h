// Task<T>: a coroutine on a lane that ends with a Result<T>. The only Asio type that other rooms
// see.
//
//   Task<void> Loop::run() {
//       while (!tasks_.stopping()) {
//           CO_TRY(co_await base::sleep_until(next));
//           …
//       }
//       co_return success();
//   }
//
// Rules: name every temporary before the co_await that uses it; no lambda with captures is a
// coroutine or stands inside one; parameters by value, or references to what outlives the task;
// state read before a co_await is old after it.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace base {

template <class T = void>
using Task = boost::asio::awaitable<Result<T>>;

}  // namespace base
