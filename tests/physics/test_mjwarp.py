"""MuJoCo-Warp: that two boxes touch as in native MuJoCo, which says where."""

from __future__ import annotations

import mujoco
import newton
import numpy as np
import warp as wp

from gaitway.physics.mjwarp import BoxContactsSolverCfg, NewtonBoxContactsManager

HALF_SIZE = 0.02
"""Of both boxes. Unit: m."""


def boxes() -> newton.Model:
    """A box in the air, and one on it, turned by 0.4 rad and 0.1 mm deep in it."""
    builder = newton.ModelBuilder(gravity=0.0)
    for height, yaw in ((0.1, 0.0), (0.1 + 2 * HALF_SIZE - 1e-4, 0.4)):
        pose = wp.transform(wp.vec3(0.0, 0.0, height), wp.quat(0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)))
        body = builder.add_body(xform=pose, mass=0.1)
        builder.add_shape_box(body, hx=HALF_SIZE, hy=HALF_SIZE, hz=HALF_SIZE)
    return builder.finalize(device="cpu")


def contacts() -> tuple[np.ndarray, np.ndarray]:
    """Where boxes touch for MuJoCo-Warp and for native MuJoCo. Shapes are (n, 3), in an order of their own."""
    model = boxes()
    cfg = BoxContactsSolverCfg(njmax=100, nconmax=20)
    solver = NewtonBoxContactsManager._create_solver(model, cfg)
    state = model.state()
    native = mujoco.MjData(solver.mj_model)
    solver.step(state, model.state(), model.control(), None, 1e-6)
    mujoco.mj_forward(solver.mj_model, native)
    warp = solver.mjw_data.contact.pos.numpy()[: int(solver.mjw_data.nacon.numpy()[0])]
    return in_order(warp), in_order(native.contact.pos)


def in_order(points: np.ndarray) -> np.ndarray:
    return np.array(sorted(points.tolist(), key=lambda point: np.arctan2(point[1], point[0])))


def test_two_boxes_touch_where_they_do_in_native_mujoco() -> None:
    warp, native = contacts()
    assert len(native) == 8  # corners of an octagon
    np.testing.assert_allclose(warp, native, atol=1e-5)
