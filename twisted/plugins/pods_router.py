"""The commands that ``twistd`` and ``twist`` gain."""

from twisted.application.service import ServiceMaker

router = ServiceMaker("Pods", "pods.tap", "An HTTP router in front of pods.", "pods")
pod = ServiceMaker("Pods pod", "pods.reference.tap_pod", "One reference pod.", "pods-pod")
demo = ServiceMaker(
    "Pods demo", "pods.reference.tap_demo", "Four pods and two routers on loopback.", "pods-demo"
)
